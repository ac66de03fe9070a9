// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/conform/host/world.h"

#include <cstring>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <polyvirt/abi/check.h>

#include "tools/conform/host/host.h"

namespace polyvirt::conform {

thread_local ThreadState t_state;
Mutex g_mu{Rank::leaf};
CondVar g_changed;

void (*g_while_waiting)(std::uint64_t object) = nullptr;
void while_waiting(std::uint64_t object) {
    if (g_while_waiting != nullptr && t_state.kind == PV_THREAD_WORKER) g_while_waiting(object);
}

World& world() {
    static World* const w = new World; // outlives every thread
    return *w;
}

PluginScope::PluginScope(std::uint32_t kind, const char* what, bool loading) : saved_(t_state), what_(what) {
    t_state.kind = kind;
    t_state.loading = loading;
    t_state.in_plugin = true;
}
PluginScope::~PluginScope() {
    const std::uint8_t rank = t_state.rank;
    t_state = saved_;
    t_state.in_plugin = false;
    if (rank != saved_.rank) complain("locks.kept", "{} returned with locks held (rank byte {:#x})", what_, rank);
    t_state.rank = saved_.rank;
    t_state.in_plugin = saved_.in_plugin;
}

KitScope::KitScope() : in_plugin_(t_state.in_plugin) { t_state.in_plugin = false; }
KitScope::~KitScope() { t_state.in_plugin = in_plugin_; }

namespace {

Mutex g_used_mu{Rank::leaf};
std::set<std::string>& used() PV_REQUIRES(g_used_mu) {
    static auto* const names = new std::set<std::string>;
    return *names;
}

void note_use(const char* name) {
    const LeafLock lock(g_used_mu);
    if (used().insert(name).second) fact("service", name);
}

} // namespace

std::set<std::string> services_used() {
    const LeafLock lock(g_used_mu);
    return used();
}

Service::Service(const char* name, Mark mark) : name_(name), in_plugin_(t_state.in_plugin) {
    t_state.in_plugin = false;
    const std::string_view n(name);
    const std::string_view service = n.substr(0, n.find('.'));
    note_use(name);
    if (t_state.loading && service != "log" && service != "paths" && service != "check")
        complain("life.create", "{} called in entry or create: there only log, paths and check may be", name);
    if (mark == Mark::leaf) return;
    if (t_state.rank != 0)
        complain("locks.reentrant", "{}, which is re-entrant, called with locks held (rank byte {:#x})", name, t_state.rank);
    if (t_state.loop != nullptr) complain("loops.brief", "{}, which may wait, called in a callback of a loop", name);
    if (t_state.prompt != nullptr) complain("ops.prompt", "{} waits: {}", t_state.prompt->name, name);
}
Service::~Service() { t_state.in_plugin = in_plugin_; }

bool Service::fails() const { return world().behaviour.failing == name_; }

bool Handles::good(Handle* handle, const Service& service) {
    if (handle == nullptr) {
        complain("handles.valid", "{}: a null handle", service.name());
        return false;
    }
    if (known_.count(handle) == 0) {
        complain("handles.valid", "{}: {} is no handle of this host", service.name(), static_cast<void*>(handle));
        return false;
    }
    if (handle->gone) {
        complain("handles.valid", "{}: the {} has been given back already, or is over", service.name(), handle->what);
        return false;
    }
    return true;
}

std::vector<std::string> Handles::leaked() const {
    std::map<std::string, int> counts;
    for (const Handle* h : known_)
        if (!h->gone) ++counts[h->what];
    std::vector<std::string> list;
    for (const auto& [what, count] : counts) list.push_back(fmt::format("{} {}", count, what));
    return list;
}

namespace {

std::size_t page() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

std::map<std::string, const void*>& made_tables() {
    static auto* const tables = new std::map<std::string, const void*>;
    return *tables;
}

// What stands behind a table that is longer than the plugin knows.
void poison() { complain("tables.longer", "a slot beyond the services that are known was called"); }

const void* shaped(const void* table, std::uint32_t size, Behaviour::Tables how) {
    if (how == Behaviour::Tables::exact) {
        Guarded copy(size, 0);
        std::memcpy(copy.at(), table, size);
        copy.read_only();
        return copy.at();
    }
    constexpr std::size_t kMore = 16;
    const auto longer = static_cast<std::uint32_t>(size + kMore * sizeof(void*));
    Guarded copy(longer, 0);
    auto* to = static_cast<char*>(copy.at());
    std::memcpy(to, table, size);
    std::memcpy(to, &longer, sizeof longer);
    for (std::size_t i = 0; i < kMore; ++i) {
        void (*const trap)() = &poison;
        std::memcpy(to + size + i * sizeof trap, &trap, sizeof trap);
    }
    copy.read_only();
    return copy.at();
}

const void* get_service(pv_host* host, const char* id, std::uint32_t min_size) noexcept {
    const KitScope scope;
    if (id == nullptr) {
        complain("handles.valid", "get_service: a null id");
        return nullptr;
    }
    if (host == nullptr) complain("handles.valid", "get_service({}): a null host", id);
    return find_service(id, min_size);
}

} // namespace

const void* find_service(const char* id, std::uint32_t min_size) {
    const Behaviour& b = world().behaviour;
    const void* table = service_table(id);
    fact(table != nullptr ? "asked" : "asked-unknown", id);
    if (table == nullptr || b.absent.count(id) != 0) return nullptr;
    std::uint32_t size = 0;
    std::memcpy(&size, table, sizeof size);
    if (min_size > size && b.tables != Behaviour::Tables::longer) return nullptr;
    if (b.tables == Behaviour::Tables::plain) return table;
    const LeafLock lock(g_mu);
    const void*& made = made_tables()[fmt::format("{}:{}", id, static_cast<int>(b.tables))];
    if (made == nullptr) made = shaped(table, size, b.tables);
    return made;
}

const pv_host_root* make_root() {
    static auto* const root = [] {
        auto* r = new pv_host_root{};
        r->size = sizeof *r;
        r->version = POLYVIRT_VERSION;
        r->build_id = "conform";
        r->get_service = &get_service;
        return r;
    }();
    root->abi_minor = world().behaviour.abi_minor;
    const auto how = world().behaviour.tables;
    if (how == Behaviour::Tables::plain) return root;
    return static_cast<const pv_host_root*>(shaped(root, sizeof *root, how));
}

Guarded::Guarded(std::size_t size, int fill) {
    const std::size_t pages = (size + page() - 1) / page() + 1;
    bytes_ = (pages == 1 ? 2 : pages) * page();
    base_ = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base_ == MAP_FAILED) throw std::bad_alloc();
    auto* end = static_cast<char*>(base_) + bytes_ - page();
    ::mprotect(end, page(), PROT_NONE);
    at_ = end - size;
    std::memset(at_, fill, size);
}
void Guarded::forbid() { ::mprotect(base_, bytes_ - page(), PROT_NONE); }
void Guarded::read_only() { ::mprotect(base_, bytes_ - page(), PROT_READ); }

} // namespace polyvirt::conform
