// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/manager.h"

#include <algorithm>
#include <list>
#include <utility>

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

bool PluginManager::State::end_slot(const std::string& key, Clock::time_point until, bool keep) {
    std::shared_ptr<DriverInstance> instance;
    {
        const LeafLock lock(mu);
        instance = slots.at(key).instance;
    }
    const bool stopped_well = instance == nullptr || instance->stop(until, PV_STOP_SHUTDOWN);
    if (!stopped_well && !keep) bury(instance);
    const LeafLock lock(mu);
    if (stopped_well || !keep) slots.erase(key);
    else {
        slots.at(key).busy = false;
        slots.at(key).kept = true;
    }
    changed.notify_all();
    return stopped_well;
}

bool PluginManager::State::end_slots(const std::string& id, Clock::time_point until, bool keep) {
    const auto is_meant = [&](const std::string& key) { return id.empty() || key.compare(0, id.size() + 1, id + "/") == 0; };
    bool all_well = true;
    while (true) {
        std::string last; // users before their providers: in reverse order of the start
        {
            LeafLock lock(mu);
            const auto is_busy = [&](const auto& item) { return is_meant(item.first) && item.second.busy; };
            while (std::any_of(slots.begin(), slots.end(), is_busy))
                if (!changed.wait_until(lock, until)) break;
            std::uint64_t order = 0;
            bool any = false;
            for (auto& [key, slot] : slots) {
                any = any || is_meant(key);
                if (is_meant(key) && !slot.busy && slot.order >= order) {
                    order = slot.order;
                    last = key;
                }
            }
            if (last.empty()) return all_well && !any;
            slots.at(last).busy = true;
        }
        const bool ended = end_slot(last, until, keep);
        if (!ended && keep) return false;
        all_well = all_well && ended;
    }
}

bool PluginManager::stop(Clock::time_point deadline) {
    refuse_calls();
    state_->stopped = true;
    const bool ended = state_->end_slots("", deadline, false);
    std::vector<std::string> ran; // and no open of theirs ended this run
    {
        const LeafLock lock(state_->mu);
        for (const Plug& plug : state_->plugs)
            if (plug.generation != nullptr) ran.push_back(plug.manifest.id);
    }
    for (const std::string& id : ran) state_->record->forget_crashes(id, LoadRecord::Step::open);
    return ended;
}

void PluginManager::configuration_changed() {
    std::vector<std::shared_ptr<DriverInstance>> all;
    {
        const LeafLock lock(state_->mu);
        for (const auto& [key, slot] : state_->slots)
            if (slot.instance && !slot.busy) all.push_back(slot.instance);
    }
    for (const auto& instance : all) instance->configuration_changed();
}

std::string_view state_name(PluginState state) {
    switch (state) {
    case PluginState::running: return "running";
    case PluginState::found: return "found";
    case PluginState::failed: return "failed";
    case PluginState::ending: return "ending";
    case PluginState::stuck: return "stuck";
    case PluginState::disabled: return "disabled";
    case PluginState::denied: return "denied";
    case PluginState::left_out: return "left out";
    case PluginState::crashed: return "crashed";
    case PluginState::refused: return "refused";
    }
    return "unknown";
}

std::vector<PluginInfo> PluginManager::list() const {
    const State& s = *state_;
    std::vector<PluginInfo> all;
    std::vector<std::pair<std::size_t, std::shared_ptr<DriverInstance>>> running; // row and instance
    {
        const LeafLock lock(s.mu);
        for (const Plug& plug : s.plugs) {
            const std::string& id = plug.manifest.id;
            PluginInfo info;
            info.id = id;
            info.path = plug.path;
            info.state = plug.state;
            info.reason = plug.reason;
            info.refused = plug.generation == nullptr;
            info.version = plug.generation != nullptr ? plug.generation->version() : plug.manifest.version;
            info.schemes = plug.manifest.uri;
            if (const auto it = s.failures.find(id); it != s.failures.end() && plug.loaded()) {
                info.state = PluginState::failed;
                info.reason = it->second;
            }
            for (const auto& [key, slot] : s.slots)
                if (plug.generation != nullptr && slot.instance && slot.instance->plugin_id() == id) {
                    running.emplace_back(all.size(), slot.instance);
                    info.instances.emplace_back();
                }
            for (const std::uint32_t kind : plug.manifest.kinds) info.kinds.emplace_back(kind_name(kind));
            for (const std::uint32_t kind : plug.manifest.serves) info.serves.emplace_back(kind_name(kind));
            all.push_back(std::move(info));
        }
    }
    std::vector<std::size_t> filled(all.size(), 0);
    for (const auto& [row, instance] : running) {
        PluginInfo::Inst& inst = all[row].instances[filled[row]++];
        inst.key = instance->key();
        inst.uri = instance->canonical_uri();
        inst.state = instance->state();
        for (std::uint32_t kind = PV_KIND_DOMAIN; kind <= PV_KIND_CHECKPOINT; ++kind)
            inst.objects += instance->registry().count({.kind = kind});
        inst.stats = instance->stats();
    }
    for (PluginInfo& info : all) {
        info.required = matches(s.policy.required, info.id);
        info.optional = matches(s.policy.optional, info.id);
    }
    std::stable_partition(all.begin(), all.end(), [](const PluginInfo& info) { return !info.refused; });
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
