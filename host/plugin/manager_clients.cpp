// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>
#include <map>
#include <utility>

#include "base/error_text.h"
#include "base/log.h"
#include "host/plugin/manager_state.h"
#include "host/work/worker_pool.h"

namespace polyvirt::plugin {
namespace {

using Clock = std::chrono::steady_clock;

// How long the end of a client's own instance may take before it is given up.
constexpr auto kEndOfInstance = std::chrono::seconds(60);

void end_texts(pv_probe& probe) {
    probe.canonical[sizeof(probe.canonical) - 1] = '\0';
    probe.instance[sizeof(probe.instance) - 1] = '\0';
}

} // namespace

std::optional<Offered> PluginManager::State::best_offer(const std::string& uri) const {
    std::optional<Offered> best;
    for (const auto& generation : generations) {
        Offered offered{generation, {}};
        offered.probe.size = sizeof(pv_probe);
        if (generation->plugin.probe(uri.c_str(), options.privileged ? 1 : 0, &offered.probe) != PV_OK) continue;
        end_texts(offered.probe);
        if (offered.probe.score > (best ? best->probe.score : 0)) best = std::move(offered);
    }
    return best;
}

std::string PluginManager::State::slot_key(const Offered& offered, std::uint64_t client) {
    std::string key = offered.generation->manifest.id + "/" + offered.probe.instance;
    if (offered.probe.lifetime == PV_LIFETIME_PER_CONNECTION) key += fmt::format("#{}", client);
    return key;
}

Result<std::shared_ptr<DriverInstance>> PluginManager::State::make(const Offered& offered, const std::string& key) {
    const std::string& id = offered.generation->manifest.id;
    const auto primary = primary_keys.find(id);
    const bool own_folders = offered.probe.lifetime == PV_LIFETIME_STATIC && primary != primary_keys.end() &&
                             primary->second == offered.probe.instance;
    DriverInstance::Setup setup;
    setup.generation = offered.generation;
    setup.catalog = options.catalog;
    setup.root = root;
    setup.key = offered.probe.instance;
    setup.uri = offered.probe.canonical;
    if (!own_folders) setup.folder_key = key.substr(id.size() + 1);
    PV_ASSIGN_OR_RETURN(const std::shared_ptr<DriverInstance> instance,
                        DriverInstance::create(shared, options.paths, std::move(setup)));
    if (Status started = instance->start(); !started) {
        if (!instance->stop(Clock::now() + kEndOfInstance, PV_STOP_SHUTDOWN)) bury(instance);
        return std::move(started).error();
    }
    return instance;
}

// The instance for an offer: the one that is there, or a new one; whoever comes while it is being made waits.
Result<std::shared_ptr<DriverInstance>> PluginManager::State::use(const Offered& offered, std::uint64_t client) {
    const std::string key = slot_key(offered, client);
    const std::string& id = offered.generation->manifest.id;
    bool waited = false;
    {
        const work::WorkerPool::Parked parked;
        LeafLock lock(mu);
        while (true) {
            if (refusing)
                return make_error(ErrorCode::operation_invalid, ErrorDomain::none, "the daemon is being stopped");
            const auto it = slots.find(key);
            if (it == slots.end() && waited && failures.count(id) != 0) // the one that was waited for has failed
                return make_error(ErrorCode::no_connect, ErrorDomain::none, "{}: {}", offered.probe.canonical,
                                  failures.at(id));
            if (it == slots.end()) break;
            if (!it->second.busy) {
                if (client != 0) it->second.clients.insert(client);
                it->second.used = true;
                return it->second.instance;
            }
            waited = true;
            changed.wait(lock);
        }
        Slot& slot = slots[key];
        slot.busy = true;
        slot.lifetime = offered.probe.lifetime;
    }
    auto made = make(offered, key);
    const LeafLock lock(mu);
    changed.notify_all();
    if (!made) {
        slots.erase(key);
        failures[id] = made.error().message;
        log::error("plugin", "{} ({}) did not start: {}", id, offered.probe.canonical, made.error().message);
        return make_error(ErrorCode::no_connect, ErrorDomain::none, "{}: {}", offered.probe.canonical,
                          made.error().message);
    }
    failures.erase(id);
    Slot& slot = slots.at(key);
    slot.busy = false;
    slot.instance = *made;
    slot.order = ++last_order;
    if (client != 0) slot.clients.insert(client);
    slot.used = client != 0;
    if (refusing) slot.instance->refuse_calls();
    return *std::move(made);
}

Result<std::shared_ptr<Instance>> PluginManager::open(const std::string& uri, std::uint64_t client) {
    state_->shared->clients.arrived(client);
    const std::optional<Offered> offered = state_->best_offer(uri);
    if (!offered)
        return make_error(ErrorCode::no_connect, ErrorDomain::none, "{}", uri.empty() ? "an empty URI" : uri);
    PV_ASSIGN_OR_RETURN(const std::shared_ptr<DriverInstance> instance, state_->use(*offered, client));
    return std::static_pointer_cast<Instance>(instance);
}

std::optional<std::string> PluginManager::probe(const std::string& uri) const {
    const std::optional<Offered> offered = state_->best_offer(uri);
    return offered ? std::optional<std::string>(offered->probe.canonical) : std::nullopt;
}

std::shared_ptr<Instance> PluginManager::provider(const std::shared_ptr<Instance>& primary, std::uint32_t kind) const {
    if (primary && primary->has_kind(kind)) return primary;
    const auto server = state_->servers.find(kind);
    if (server == state_->servers.end()) return nullptr;
    const auto key = state_->primary_keys.find(server->second);
    if (key == state_->primary_keys.end()) return nullptr;
    const LeafLock lock(state_->mu);
    const auto slot = state_->slots.find(server->second + "/" + key->second);
    return slot != state_->slots.end() && !slot->second.busy ? slot->second.instance : nullptr;
}

void PluginManager::client_gone(std::uint64_t client) {
    State& s = *state_;
    std::map<const void*, std::vector<Clients::Close>> closes;
    for (const Clients::Close& close : s.shared->clients.gone(client)) closes[close.instance].push_back(close);
    std::vector<std::shared_ptr<DriverInstance>> all;
    {
        const LeafLock lock(s.mu);
        for (auto& [key, slot] : s.slots) {
            slot.clients.erase(client);
            if (slot.instance) all.push_back(slot.instance);
        }
    }
    for (const auto& instance : all)
        if (const auto it = closes.find(instance->host()); it != closes.end())
            instance->tell_closed(client, std::move(it->second));
    s.end_unused();
}

static bool ends_unused(std::uint32_t lifetime) {
    return lifetime == PV_LIFETIME_PER_URI || lifetime == PV_LIFETIME_PER_CONNECTION;
}

// Ends the instances that lived for their clients and have none left. On workers, as it may take long; what the
// pool does not take is tried again when the next client goes.
void PluginManager::State::end_unused() {
    std::vector<std::string> unused;
    {
        const LeafLock lock(mu);
        if (refusing) return;
        for (auto& [key, slot] : slots)
            if (!slot.busy && slot.used && ends_unused(slot.lifetime) && slot.clients.empty()) {
                slot.busy = true;
                unused.push_back(key);
            }
    }
    for (const std::string& key : unused) {
        const bool taken =
            options.pool->submit([this, key] { static_cast<void>(stop_slot(key, Clock::now() + kEndOfInstance)); }, false);
        if (taken) continue;
        const LeafLock lock(mu);
        slots.at(key).busy = false;
        changed.notify_all();
    }
}

} // namespace polyvirt::plugin
