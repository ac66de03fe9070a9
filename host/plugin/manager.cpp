// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/manager.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <dirent.h>
#include <functional>
#include <list>
#include <utility>

#include "base/assert.h"
#include "base/error_text.h"
#include "base/log.h"
#include "host/plugin/manager_state.h"
#include "host/plugin/service.h"

namespace polyvirt::plugin {
namespace {

using Clock = std::chrono::steady_clock;

// What plugins keep pointers to, so it is never freed.
struct Root {
    std::string version, build_id;
    pv_host_root abi{};
};

const pv_host_root* make_root(const ManagerOptions& options) {
    static Mutex mu{Rank::leaf};
    static auto* roots = new std::list<Root>;
    const LeafLock lock(mu);
    Root& root = roots->emplace_back();
    root.version = options.version;
    root.build_id = options.build_id;
    root.abi = {sizeof(pv_host_root), PV_ABI_MINOR, root.version.c_str(), root.build_id.c_str(), find_service};
    return &root.abi;
}

std::vector<std::string> shared_objects(const std::string& folder) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder.c_str()), ::closedir);
    if (!dir) {
        log::warning("plugin", "plugin folder '{}' is skipped: {}", folder,
                     make_system_error(errno, ErrorDomain::none, "open").message);
        return names;
    }
    while (const dirent* entry = ::readdir(dir.get())) { // NOLINT(concurrency-mt-unsafe): a stream of our own
        const std::string name = entry->d_name;
        if (name.size() > 3 && name.front() != '.' && name.compare(name.size() - 3, 3, ".so") == 0)
            names.push_back(folder + "/" + name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace

void bury(std::shared_ptr<DriverInstance> instance) {
    static Mutex mu{Rank::leaf};
    static auto* graveyard = new std::vector<std::shared_ptr<DriverInstance>>;
    const LeafLock lock(mu);
    graveyard->push_back(std::move(instance));
}

PluginManager::State::State(ManagerOptions o)
    : options(std::move(o)), shared(std::make_shared<HostShared>(*options.pool, *options.sink, options.config,
                                                                  options.watchdog)),
      root(make_root(options)) {}

PluginManager::PluginManager(ManagerOptions options) : state_(std::make_unique<State>(std::move(options))) {
    state_->shared->providers.set(
        [this](const std::shared_ptr<Instance>& from, std::uint32_t kind) { return provider(from, kind); });
}

PluginManager::~PluginManager() {
    if (!state_->stopped) static_cast<void>(stop(Clock::now() + std::chrono::seconds(30)));
    state_->shared->providers.set(nullptr);
}

void PluginManager::load(const std::vector<std::string>& folders) {
    for (const std::string& folder : folders)
        for (const std::string& path : shared_objects(folder)) state_->load_file(path);
}

void PluginManager::State::load_file(const std::string& path) {
    Result<std::shared_ptr<const Generation>> loaded = load_plugin(path, service_offers(), *root);
    Status admitted = loaded ? admit(*loaded) : Status(loaded.error());
    if (admitted) return;
    log::error("plugin", "{}", admitted.error().message);
    const LeafLock lock(mu);
    refusals.push_back({path, loaded ? (*loaded)->manifest.id : std::string(), admitted.error().message});
}

// Takes a plugin in, if it can live beside those that are there.
Status PluginManager::State::admit(const std::shared_ptr<const Generation>& generation) {
    const Manifest& m = generation->manifest;
    const auto refuse = [&](const std::string& why) {
        return make_error(ErrorCode::operation_failed, ErrorDomain::none, "plugin {}: {}", generation->path, why);
    };
    for (const auto& other : generations)
        if (other->manifest.id == m.id)
            return refuse(fmt::format("a plugin '{}' is loaded already, from {}", m.id, other->path));
    std::map<std::uint32_t, std::string> serves = servers;
    for (const std::uint32_t kind : m.serves) {
        const auto [it, first] = serves.try_emplace(kind, m.id);
        if (first) continue;
        const std::string key = fmt::format("providers.{}", kind_name(kind));
        const std::optional<std::string> chosen = options.config ? options.config(key) : std::nullopt;
        if (!chosen)
            return refuse(fmt::format("both '{}' and '{}' serve objects of kind {}; '{}' in the configuration must choose",
                                      it->second, m.id, kind_name(kind), key));
        if (*chosen == m.id) it->second = m.id;
    }
    servers = std::move(serves);
    generations.push_back(generation);
    return {};
}

// Whom others use comes first. A circle cannot be started in any order: its members are refused.
std::vector<std::shared_ptr<const Generation>> PluginManager::State::start_order() {
    enum class Mark : std::uint8_t { none, open, done, refused };
    std::map<std::string, Mark> marks;
    std::vector<std::shared_ptr<const Generation>> order;
    const auto by_id = [&](const std::string& id) {
        return *std::find_if(generations.begin(), generations.end(), [&](const auto& g) { return g->manifest.id == id; });
    };
    const std::function<bool(const std::shared_ptr<const Generation>&)> visit = [&](const auto& generation) {
        const std::string id = generation->manifest.id;
        if (marks[id] != Mark::none) return marks[id] == Mark::done;
        marks[id] = Mark::open;
        bool good = true;
        for (const std::uint32_t kind : generation->manifest.uses)
            if (const auto server = servers.find(kind); server != servers.end() && server->second != id)
                good = visit(by_id(server->second)) && good;
        marks[id] = good ? Mark::done : Mark::refused;
        if (good) order.push_back(generation);
        return good;
    };
    for (const auto& generation : generations) {
        if (visit(generation)) continue;
        const std::string why = fmt::format("plugin {}: its `uses` lead in a circle back to itself or to one that does",
                                            generation->manifest.id);
        log::error("plugin", "{}", why);
        const LeafLock lock(mu);
        refusals.push_back({generation->path, generation->manifest.id, why});
    }
    return order;
}

// The instance that a plugin has from the start: the first of its schemes' usual URIs that it calls static.
std::optional<Offered> PluginManager::State::static_offer(const std::shared_ptr<const Generation>& generation) const {
    const std::array<std::string, 3> tails = {options.privileged ? "system" : "session", "default", ""};
    for (const std::string& scheme : generation->manifest.uri)
        for (const std::string& tail : tails) {
            Offered offered{generation, {}};
            offered.probe.size = sizeof(pv_probe);
            const std::string uri = scheme + ":///" + tail;
            if (generation->plugin.probe(uri.c_str(), options.privileged ? 1 : 0, &offered.probe) == PV_OK &&
                offered.probe.score > 0 && offered.probe.lifetime == PV_LIFETIME_STATIC)
                return offered;
        }
    return std::nullopt;
}

void PluginManager::start() {
    State& s = *state_;
    const auto order = s.start_order();
    s.generations = order;
    std::vector<Offered> offers;
    for (const auto& generation : order)
        if (std::optional<Offered> offered = s.static_offer(generation)) {
            s.primary_keys[generation->manifest.id] = offered->probe.instance;
            offers.push_back(*std::move(offered));
        }
    for (const Offered& offered : offers) {
        const auto begin = Clock::now();
        const auto started = s.use(offered, 0);
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
        if (started) log::info("plugin", "{} started as {} in {} ms", (*started)->plugin_id(), offered.probe.canonical, ms);
    }
}

void PluginManager::refuse_calls() {
    std::vector<std::shared_ptr<DriverInstance>> all;
    {
        const LeafLock lock(state_->mu);
        state_->refusing = true;
        for (const auto& [key, slot] : state_->slots)
            if (slot.instance) all.push_back(slot.instance);
    }
    for (const auto& instance : all) instance->refuse_calls();
}

// Ends one instance whose slot this thread has marked busy; the slot is gone afterwards.
bool PluginManager::State::stop_slot(const std::string& key, Clock::time_point until) {
    std::shared_ptr<DriverInstance> instance;
    {
        const LeafLock lock(mu);
        instance = slots.at(key).instance;
    }
    const bool stopped_well = instance == nullptr || instance->stop(until, PV_STOP_SHUTDOWN);
    if (!stopped_well) bury(instance);
    const LeafLock lock(mu);
    slots.erase(key);
    changed.notify_all();
    return stopped_well;
}

bool PluginManager::stop(Clock::time_point deadline) {
    refuse_calls();
    State& s = *state_;
    bool all_well = true;
    while (true) {
        std::string last; // users before their providers: in reverse order of the start
        {
            LeafLock lock(s.mu);
            const auto is_busy = [](const auto& item) { return item.second.busy; };
            while (std::any_of(s.slots.begin(), s.slots.end(), is_busy))
                if (!s.changed.wait_until(lock, deadline)) break;
            std::uint64_t order = 0;
            for (auto& [key, slot] : s.slots)
                if (!slot.busy && slot.order >= order) {
                    order = slot.order;
                    last = key;
                }
            if (last.empty()) {
                all_well = all_well && s.slots.empty();
                break;
            }
            s.slots.at(last).busy = true;
        }
        all_well = s.stop_slot(last, deadline) && all_well;
    }
    s.stopped = true;
    return all_well;
}

std::vector<PluginInfo> PluginManager::list() const {
    std::vector<PluginInfo> all;
    const LeafLock lock(state_->mu);
    for (const auto& generation : state_->generations) {
        PluginInfo info;
        info.id = generation->manifest.id;
        info.version = generation->plugin.version != nullptr ? generation->plugin.version : "";
        info.path = generation->path;
        if (const auto it = state_->failures.find(info.id); it != state_->failures.end()) info.reason = it->second;
        for (const auto& [key, slot] : state_->slots)
            if (slot.instance && slot.instance->plugin_id() == info.id)
                info.instances.push_back({slot.instance->key(), slot.instance->canonical_uri(), slot.instance->state(),
                                          slot.instance->stats()});
        all.push_back(std::move(info));
    }
    for (const Refusal& refusal : state_->refusals) {
        PluginInfo info;
        info.id = refusal.id;
        info.path = refusal.path;
        info.refused = true;
        info.reason = refusal.reason;
        all.push_back(std::move(info));
    }
    return all;
}

std::vector<std::shared_ptr<Instance>> PluginManager::instances() const {
    std::vector<std::shared_ptr<Instance>> all;
    const LeafLock lock(state_->mu);
    for (const auto& [key, slot] : state_->slots)
        if (slot.instance && slot.instance->state() == InstanceState::started) all.push_back(slot.instance);
    return all;
}

std::vector<LoopSeen> PluginManager::object_loops() const {
    std::vector<LoopSeen> all;
    state_->shared->loops.look(all);
    return all;
}

EventDispatcher& PluginManager::events() { return state_->shared->events; }

} // namespace polyvirt::plugin
