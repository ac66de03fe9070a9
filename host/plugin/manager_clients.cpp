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

} // namespace

std::optional<Offered> PluginManager::State::best_offer(const std::string& uri) const {
    std::optional<Offered> best;
    const std::shared_ptr<const Routes> routes = current();
    const auto owner = routes->claims.schemes.find(scheme_of(uri));
    for (const auto& generation : routes->generations) {
        if (owner != routes->claims.schemes.end() && owner->second != generation->manifest.id) continue;
        Offered offered = ask(generation, uri, options.privileged);
        if (offered.score > (best ? best->score : 0)) best = std::move(offered);
    }
    return best;
}

std::string PluginManager::State::slot_key(const Offered& offered, std::uint64_t client) {
    std::string key = offered.generation->manifest.id + "/" + offered.instance;
    if (offered.lifetime == PV_LIFETIME_PER_CONNECTION) key += fmt::format("#{}", client);
    return key;
}

Result<std::shared_ptr<DriverInstance>> PluginManager::State::make(const Offered& offered, const std::string& key) {
    const std::string& id = offered.generation->manifest.id;
    const std::shared_ptr<const Routes> routes = current();
    const auto primary = routes->primary_keys.find(id);
    const bool own_folders = offered.lifetime == PV_LIFETIME_STATIC && primary != routes->primary_keys.end() &&
                             primary->second == offered.instance;
    DriverInstance::Setup setup;
    setup.generation = offered.generation;
    setup.catalog = options.catalog;
    setup.root = root;
    setup.key = offered.instance;
    setup.uri = offered.canonical;
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
    const bool counts_clients = client != 0 && offered.lifetime != PV_LIFETIME_STATIC;
    if (counts_clients) shared->clients.uses_own_instance(client);
    bool waited = false;
    {
        const work::WorkerPool::Parked parked;
        LeafLock lock(mu);
        while (true) {
            if (refusing)
                return make_error(ErrorCode::operation_invalid, ErrorDomain::none, "the daemon is being stopped");
            if (const auto why = closed.find(id); why != closed.end())
                return make_error(ErrorCode::no_connect, ErrorDomain::none, "{}: plugin '{}' {}", offered.canonical, id,
                                  why->second);
            const auto it = slots.find(key);
            if (it == slots.end() && waited && failures.count(id) != 0) // the one that was waited for has failed
                return make_error(ErrorCode::no_connect, ErrorDomain::none, "{}: {}", offered.canonical,
                                  failures.at(id));
            if (it == slots.end()) break;
            if (!it->second.busy) {
                if (counts_clients) it->second.clients.insert(client);
                it->second.used = true;
                return it->second.instance;
            }
            waited = true;
            changed.wait(lock);
        }
        Slot& slot = slots[key];
        slot.busy = true;
        slot.lifetime = offered.lifetime;
    }
    auto made = [&] {
        if (client == 0) return make(offered, key); // whoever starts it watches all of that
        const LoadRecord::Watch watch(*record, id, offered.generation->stamp, LoadRecord::Step::open);
        return make(offered, key);
    }();
    const LeafLock lock(mu);
    changed.notify_all();
    if (!made) {
        slots.erase(key);
        failures[id] = made.error().message;
        const log::Level level = matches(policy.optional, id) ? log::Level::info : log::Level::error;
        log::line(level, "plugin", "{} ({}) did not start: {}", id, offered.canonical, made.error().message);
        return make_error(ErrorCode::no_connect, ErrorDomain::none, "{}: {}", offered.canonical,
                          made.error().message);
    }
    failures.erase(id);
    Slot& slot = slots.at(key);
    slot.busy = false;
    slot.instance = *made;
    slot.order = ++last_order;
    if (counts_clients) slot.clients.insert(client);
    slot.used = client != 0;
    if (refusing || closed.count(id) != 0) slot.instance->refuse_calls();
    return *std::move(made);
}

Result<std::shared_ptr<Instance>> PluginManager::open(const std::string& uri, std::uint64_t client) {
    if (auto known = open_known(uri, client)) return known;
    state_->shared->clients.arrived(client);
    const std::optional<Offered> offered = state_->best_offer(uri);
    if (!offered)
        return make_error(ErrorCode::no_connect, ErrorDomain::none, "{}{}", uri.empty() ? "an empty URI" : uri,
                          state_->why_absent(uri));
    PV_ASSIGN_OR_RETURN(const std::shared_ptr<DriverInstance> instance, state_->use(*offered, client));
    if (offered->lifetime == PV_LIFETIME_STATIC) state_->remember(uri, *offered);
    return std::static_pointer_cast<Instance>(instance);
}

void PluginManager::State::remember(const std::string& uri, const Offered& offered) {
    const std::string key = slot_key(offered, 0);
    const LeafLock lock(mu);
    const auto slot = slots.find(key);
    if (closed.count(offered.generation->manifest.id) != 0) return;
    if (slot != slots.end() && !slot->second.busy) known.remember(uri, {key, slot->second.order});
}

std::shared_ptr<Instance> PluginManager::open_known(std::string_view uri, std::uint64_t client) {
    std::shared_ptr<Instance> instance;
    {
        const LeafLock lock(state_->mu);
        const KnownUris::Instance* known = state_->refusing ? nullptr : state_->known.find(uri);
        if (known == nullptr) return nullptr;
        // Noted by an open that was under way when its plugin was closed.
        if (state_->closed.count(known->slot.substr(0, known->slot.find('/'))) != 0) return nullptr;
        const auto slot = state_->slots.find(known->slot);
        if (slot == state_->slots.end() || slot->second.busy || slot->second.order != known->order) return nullptr;
        slot->second.used = true;
        instance = slot->second.instance;
    }
    state_->shared->clients.arrived(client);
    return instance;
}

// ": plugin 'x' is disabled: ..." if one that is not there would serve it.
std::string PluginManager::State::why_absent(const std::string& uri) const {
    const std::shared_ptr<const Routes> routes = current();
    const auto absent = routes->absent.find(scheme_of(uri));
    return absent == routes->absent.end() ? std::string() : ": " + absent->second;
}

std::optional<std::string> PluginManager::probe(const std::string& uri) const {
    const std::optional<Offered> offered = state_->best_offer(uri);
    return offered ? std::optional<std::string>(offered->canonical) : std::nullopt;
}

std::shared_ptr<Instance> PluginManager::provider(const std::shared_ptr<Instance>& primary, std::uint32_t kind) const {
    if (primary && primary->has_kind(kind)) return primary;
    const std::shared_ptr<const Routes> routes = state_->current();
    const auto server = routes->claims.kinds.find(kind);
    if (server == routes->claims.kinds.end()) return nullptr;
    const auto key = routes->primary_keys.find(server->second);
    if (key == routes->primary_keys.end()) return nullptr;
    const LeafLock lock(state_->mu);
    const auto slot = state_->slots.find(server->second + "/" + key->second);
    return slot != state_->slots.end() && !slot->second.busy ? slot->second.instance : nullptr;
}

bool PluginManager::client_gone_unheard(std::uint64_t client) {
    {
        const LeafLock lock(state_->mu);
        if (state_->end_again) return false;
    }
    return state_->shared->clients.leave_unheard(client);
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
        end_again = false;
        for (auto& [key, slot] : slots)
            if (!slot.busy && slot.used && !slot.kept && ends_unused(slot.lifetime) && slot.clients.empty()) {
                slot.busy = true;
                unused.push_back(key);
            }
    }
    for (const std::string& key : unused) {
        const bool taken =
            options.pool->submit([this, key] { static_cast<void>(end_slot(key, Clock::now() + kEndOfInstance, false)); }, false);
        if (taken) continue;
        const LeafLock lock(mu);
        slots.at(key).busy = false;
        end_again = true;
        changed.notify_all();
    }
}

} // namespace polyvirt::plugin
