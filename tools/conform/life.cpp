// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/conform/life.h"

#include <algorithm>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <unistd.h>

#include <polyvirt/abi/check.h>

#include "tools/conform/alloc.h"
#include "tools/conform/host/services.h"
#include "tools/conform/process.h"

namespace polyvirt::conform {
namespace {

constexpr std::size_t kMinTable = offsetof(pv_plugin, destroy) + sizeof(void*);
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kOneHour = 3600 * kSecond;
constexpr std::size_t kWorkers = 4;

std::string last_dl_error() {
    const char* text = ::dlerror();
    return text != nullptr ? text : "(no reason given)";
}

} // namespace

Plugin& Plugin::load(const Subject& subject) {
    static Plugin* plugin = nullptr;
    if (plugin != nullptr) return *plugin;
    world().subject = &subject;
    auto made = std::make_unique<Plugin>();
    step("loading {}", subject.path);
    made->library_ = ::dlopen(subject.path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (made->library_ == nullptr) {
        complain("load.open", "it cannot be loaded: {}", last_dl_error());
        throw GiveUp{"it cannot be loaded"};
    }
    count_allocations_of(subject.path.c_str(), subject.starve_libraries);
    made->entry_ = reinterpret_cast<pv_plugin_entry_fn>(::dlsym(made->library_, "pv_plugin_entry_v1"));
    if (made->entry_ == nullptr) {
        complain("load.symbols", "it does not export pv_plugin_entry_v1");
        throw GiveUp{"it has no entry"};
    }
    std::string why;
    const pv_plugin* theirs = made->enter(why);
    if (theirs == nullptr) {
        complain("load.entry", "it refuses to be loaded: {}", why);
        throw GiveUp{"it refuses to be loaded"};
    }
    if (theirs->size < kMinTable) {
        complain("load.entry", "its table says that it has {} bytes, at least {} are needed", theirs->size, kMinTable);
        throw GiveUp{"its table is too short"};
    }
    std::memcpy(&made->table_, theirs, std::min<std::size_t>(theirs->size, sizeof made->table_));
    const pv_plugin& t = made->table_;
    if (t.id == nullptr || t.probe == nullptr || t.create == nullptr || t.get_interface == nullptr || t.start == nullptr ||
        t.stop == nullptr || t.destroy == nullptr) {
        complain("load.entry", "its table lacks one of id, probe, create, get_interface, start, stop, destroy");
        throw GiveUp{"its table has gaps"};
    }
    plugin = made.release();
    return *plugin;
}

const pv_plugin* Plugin::enter(std::string& why) const {
    constexpr std::size_t kLength = 256;
    Guarded text(kLength, 0x55);
    const pv_host_root* root = make_root();
    const pv_plugin* table = nullptr;
    step("calling pv_plugin_entry_v1");
    {
        const PluginScope scope(PV_THREAD_INIT, "pv_plugin_entry_v1", true);
        table = entry_(root, static_cast<char*>(text.at()), kLength);
    }
    const char* end = static_cast<const char*>(text.at());
    if (table == nullptr) {
        const std::size_t n = ::strnlen(end, kLength);
        why = std::string(end, std::min<std::size_t>(n, 200));
        if (n == kLength || end[0] == 0x55) complain("load.entry", "it refuses and its reason is no text that ends within {} bytes", kLength);
    }
    return table;
}

namespace {

// What answer() was told, of the question that is being asked.
struct Question {
    const pv_probe* probe = nullptr;
    bool told = false;
    std::string canonical, instance;
} g_question;

pv_status answer_probe(pv_probe* probe, const char* canonical, const char* instance) noexcept {
    const KitScope scope;
    const auto fits = [](const char* text) { return text != nullptr && ::strnlen(text, PV_PROBE_MAX) < PV_PROBE_MAX; };
    if (probe != g_question.probe || !fits(canonical) || !fits(instance)) {
        complain("probe.answers", "pv_probe.answer: another pv_probe, or a text that is NULL or has {} bytes and more", static_cast<int>(PV_PROBE_MAX));
        return PV_ABI;
    }
    g_question.told = true;
    g_question.canonical = canonical;
    g_question.instance = instance;
    return PV_OK;
}

} // namespace

std::optional<Probed> Plugin::probe(const std::string& uri, bool privileged) const {
    Guarded text(uri.size() + 1, 0);
    std::memcpy(text.at(), uri.c_str(), uri.size() + 1);
    Guarded out(sizeof(pv_probe), 0);
    auto* p = static_cast<pv_probe*>(out.at());
    p->size = sizeof(pv_probe);
    p->answer = &answer_probe;
    g_question = {.probe = p, .told = false, .canonical = {}, .instance = {}};
    step("probe(\"{}\", {})", uri.substr(0, 100), privileged);
    pv_status status = PV_OK;
    {
        const PluginScope scope(PV_THREAD_OTHER, "probe", true);
        status = table_.probe(static_cast<const char*>(text.at()), privileged ? 1 : 0, p);
    }
    const auto ends = [](const auto& field) { return ::memchr(field, 0, sizeof field) != nullptr; };
    if (p->size != sizeof(pv_probe) || p->answer != &answer_probe) complain("probe.answers", "probe(\"{}\"): changed `size` (to {}) or `answer`", uri.substr(0, 60), p->size);
    if (!ends(p->canonical) || !ends(p->instance)) {
        complain("probe.answers", "probe(\"{}\"): `canonical` or `instance` does not end", uri.substr(0, 60));
        return std::nullopt;
    }
    if (status != PV_OK || p->score <= 0) return std::nullopt;
    const Question& q = g_question;
    return Probed{p->score, p->lifetime, q.told ? q.canonical : p->canonical, q.told ? q.instance : p->instance};
}

Address find_address(const Subject& subject) {
    const Plugin& plugin = Plugin::load(subject);
    std::vector<std::string> uris;
    if (!subject.uri.empty()) uris = {subject.uri};
    else
        for (const std::string& scheme : subject.manifest.uri)
            for (const char* path : {":///default", ":///session", ":///system", ":///"}) uris.push_back(scheme + path);
    const bool root = ::geteuid() == 0;
    for (const std::string& uri : uris)
        for (const bool privileged : {root, !root})
            if (const auto found = plugin.probe(uri, privileged)) return {uri, found->instance, privileged};
    if (!subject.uri.empty()) throw GiveUp{fmt::format("it does not serve {}", subject.uri)};
    throw Skip{"it serves none of SCHEME:///default, session, system or / (see --uri)"};
}

Life::Life(const Subject& subject, std::string instance) : subject_(subject), plugin_(Plugin::load(subject)) {
    start_clock();
    const auto made = [&] {
        const LeafLock lock(g_mu);
        return world().handles.add(std::make_unique<pv_host>(), "instance");
    };
    host_ = made();
    static int number = 0;
    host_->subject = &subject;
    host_->instance = std::move(instance);
    host_->folder = fmt::format("{}/{}", work_folder(), ++number);
    std::filesystem::create_directories(host_->folder);
    host_->shared = new Runner("lp:plugin");
    for (std::size_t i = 0; i < kWorkers; ++i) host_->workers.push_back(new Runner(fmt::format("job:{}", i)));
    const LeafLock lock(g_mu);
    host_->own_loop = world().handles.add(std::make_unique<pv_loop>(), "instance's loop");
    host_->own_loop->host = host_;
    host_->own_loop->name = "instance";
    host_->own_loop->runner = host_->shared;
}

Life::~Life() {
    if (!host_->destroyed) end_children();
}

pv_status Life::create() {
    step("create(\"{}\")", host_->instance);
    pv_status status = PV_FAIL;
    {
        const PluginScope scope(PV_THREAD_INIT, "create", true);
        status = plugin_.table().create(host_, make_root(), host_->instance.c_str(), &host_->inst);
    }
    if (status == PV_OK && host_->inst == nullptr) {
        complain("life.create", "create returned PV_OK and made no instance");
        status = PV_FAIL;
    }
    if (status > PV_OK) {
        complain("life.create", "create returned {}", status);
        status = PV_FAIL;
    }
    created_ = status == PV_OK;
    if (created_) copy_tables();
    return status;
}

const void* Life::interface(const char* id) const {
    Guarded text(std::strlen(id) + 1, 0);
    std::memcpy(text.at(), id, std::strlen(id) + 1);
    text.read_only();
    step("get_interface(\"{}\")", std::string_view(id).substr(0, 80));
    const PluginScope scope(PV_THREAD_INIT, "get_interface", true);
    return plugin_.table().get_interface(host_->inst, static_cast<const char*>(text.at()));
}

void Life::copy_tables() {
    for (const TableSpec& spec : all_tables()) {
        const void* theirs = interface(spec.id);
        if (theirs == nullptr) continue;
        std::uint32_t size = 0;
        std::memcpy(&size, theirs, sizeof size);
        constexpr std::size_t kFirst = 8;
        if (size < kFirst || (size - kFirst) % sizeof(OpFn) != 0 || size > kFirst + 4096 * sizeof(OpFn)) {
            complain("tables.provided", "its table {} says that it has {} bytes", spec.id, size);
            continue;
        }
        std::vector<OpFn>& fns = tables_[spec.id];
        fns.resize(spec.ops);
        std::memcpy(fns.data(), static_cast<const char*>(theirs) + kFirst, std::min(size - kFirst, spec.ops * sizeof(OpFn)));
    }
    client_ = static_cast<const pv_client*>(interface(PV_IFACE_CLIENT));
}

OpFn Life::slot(const OpSpec& op) const {
    const auto at = tables_.find(op.table);
    return at == tables_.end() ? nullptr : at->second[op.slot];
}

std::vector<const OpSpec*> Life::ops() const {
    std::vector<const OpSpec*> list;
    for (const OpSpec& op : all_ops())
        if (slot(op) != nullptr) list.push_back(&op);
    return list;
}

namespace {

// Runs a function of [init] that has a call of its own; false if it failed.
bool run_init(pv_host* host, const char* what, const std::function<pv_status(pv_call*)>& fn, double patience) {
    pv_call* call = nullptr;
    {
        const LeafLock lock(g_mu);
        call = world().handles.add(std::make_unique<pv_call>(), "call");
        call->host = host;
        call->client = 0;
    }
    step("{}", what);
    pv_status status = PV_FAIL;
    {
        const PluginScope scope(PV_THREAD_INIT, what);
        status = fn(call);
    }
    {
        const LeafLock lock(g_mu);
        call->returned = true;
        if (status == PV_PENDING && call->completed) end_call(call, call->status);
        else if (status != PV_PENDING) end_call(call, status);
        else call->status = status;
    }
    const auto done = [](const void* c) { return static_cast<const pv_call*>(c)->done; };
    if (!settle_until(done, call, kOneHour, patience)) {
        complain("life.start", "{} did not complete", what);
        throw GiveUp{fmt::format("{} did not complete", what)};
    }
    const LeafLock lock(g_mu);
    if (call->status < 0)
        log_text("{} failed: {}", what, call->errors.empty() ? "(no error)" : call->errors.front().message);
    return call->status >= 0;
}

} // namespace

bool Life::start(std::uint32_t how) {
    started_ = run_init(host_, "start", [&](pv_call* call) { return plugin_.table().start(host_->inst, call, how); }, subject_.patience);
    if (started_) settle(0, subject_.patience);
    return started_;
}

void Life::begin() {
    if (create() != PV_OK) {
        complain("life.create", "create failed");
        throw GiveUp{"create failed"};
    }
    if (start()) return;
    complain("life.start", "start failed");
    destroy();
    throw GiveUp{"start failed"};
}

void Life::reconfigure() {
    if (plugin_.table().reconfigure == nullptr) return;
    if (!run_init(host_, "reconfigure", [&](pv_call* call) { return plugin_.table().reconfigure(host_->inst, call); }, subject_.patience))
        complain("life.start", "reconfigure failed with an unchanged configuration");
}

std::vector<pv_call*> Life::open_calls() const {
    const LeafLock lock(g_mu);
    std::vector<pv_call*> list;
    for (pv_call* c : calls_)
        if (!c->done) list.push_back(c);
    return list;
}

void Life::close_client(std::uint64_t client) {
    const LeafLock lock(g_mu);
    if (!PV_HAS(client_, pv_client, closed)) return;
    const auto all = host_->closes;
    for (const auto& notice : all) {
        if (std::get<0>(notice) != client) continue;
        host_->closes.erase(notice);
        give_task(host_->own_loop, {.run = [this, notice] {
                                        run_callback(host_->own_loop, "pv.client's closed", [&] {
                                            client_->closed(host_->inst, std::get<0>(notice), std::get<1>(notice), std::get<2>(notice));
                                        });
                                    },
                                    .what = "closed"});
    }
}

void Life::stop(std::uint32_t why) {
    if (!started_) return;
    started_ = false;
    // What waits for the end of a client or of the wait itself ends now; the plugin's stop() ends the rest.
    const std::vector<pv_call*> open = open_calls();
    for (pv_call* c : open) cancel_call(c);
    settle(open.empty() ? 0 : kOneHour, subject_.patience);
    step("stop");
    {
        const PluginScope scope(PV_THREAD_INIT, "stop");
        plugin_.table().stop(host_->inst, why);
    }
    {
        const LeafLock lock(g_mu);
        host_->stopped = true;
    }
    settle(0, subject_.patience);
    for (const pv_call* c : open_calls())
        complain("calls.complete", "{}: returned PV_PENDING and was not completed by the end of stop", c->name());
    step("what is left after stop");
    const LeafLock lock(g_mu);
    forget_processes(host_);
    end_subscriptions(host_);
    for (pv_loop* l : std::set<pv_loop*>(host_->loops))
        if (!l->closed) close_loop(l);
    for (const auto& [handle, o] : std::map(host_->objects))
        if (!o->retired) retire_object(host_, o);
}

void Life::destroy() {
    if (!created_) return;
    created_ = false;
    settle(0, subject_.patience);
    step("destroy");
    {
        const PluginScope scope(PV_THREAD_INIT, "destroy");
        plugin_.table().destroy(host_->inst);
    }
    host_->inst = nullptr;
    end_children();
    settle(0, subject_.patience);
    step("after destroy");
    std::set<Runner*> runners(host_->workers.begin(), host_->workers.end());
    runners.insert(host_->shared);
    for (const pv_loop* l : host_->loops) runners.insert(l->runner);
    for (Runner* r : runners) r->end();
    const LeafLock lock(g_mu);
    host_->destroyed = true;
    host_->gone = true;
}

void Life::end() {
    stop();
    destroy();
}

} // namespace polyvirt::conform
