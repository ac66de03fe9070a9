// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What administrators do with one plugin while others serve.
#include <algorithm>
#include <utility>

#include "base/error_text.h"
#include "base/log.h"
#include "host/plugin/manager_state.h"
#include "host/plugin/service.h"

namespace polyvirt::plugin {
namespace {

constexpr const char* kDisabled = "is disabled by an administrator";

template <typename... A> Error refused(fmt::format_string<A...> format, A&&... a) {
    return make_error(ErrorCode::operation_invalid, ErrorDomain::admin, format, std::forward<A>(a)...);
}

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

} // namespace

Plug* PluginManager::State::find_plug(const std::string& id) {
    Plug* found = nullptr;
    for (Plug& plug : plugs) // a refused twin of one that is not does not matter
        if (plug.manifest.id == id && (found == nullptr || found->state == PluginState::refused)) found = &plug;
    return found;
}

void PluginManager::State::set_state(const std::string& id, PluginState state, const std::string& reason) {
    const LeafLock lock(mu);
    if (Plug* plug = find_plug(id)) {
        plug->state = state;
        plug->reason = reason;
    }
}

// Whether what a plugin serves is used by others that run.
Status PluginManager::State::check_unused(const std::string& id) const {
    const std::shared_ptr<const Routes> routes = current();
    std::vector<std::string> users;
    for (const auto& generation : routes->generations)
        for (const std::uint32_t kind : generation->manifest.uses) {
            const auto server = routes->claims.kinds.find(kind);
            if (server != routes->claims.kinds.end() && server->second == id && generation->manifest.id != id)
                users.push_back(fmt::format("'{}' uses {} of it", generation->manifest.id, kind_name(kind)));
        }
    if (users.empty()) return {};
    return refused("plugin '{}' is in use: {}; with force they go on without it", id, join(users));
}

void PluginManager::State::open_again(const std::string& id) {
    const LeafLock lock(mu);
    closed.erase(id);
}

// Nobody opens it from here on, and its calls are refused. `clients`: whose connections are to be closed.
Status PluginManager::State::shut(const std::string& id, const Disable& how, std::set<std::uint64_t>& clients) {
    const auto meant = [&](const auto& item) { return item.first.compare(0, id.size() + 1, id + "/") == 0; };
    {
        LeafLock lock(mu);
        closed[id] = kDisabled; // first, so that nobody comes after they have been counted
        known.clear();
        const auto is_busy = [&](const auto& item) { return meant(item) && item.second.busy; };
        while (std::any_of(slots.begin(), slots.end(), is_busy))
            if (!changed.wait_until(lock, how.until)) {
                closed.erase(id);
                return refused("plugin '{}': an instance of it is still starting or ending", id);
            }
    }
    if (how.clients) clients = how.clients();
    if (!clients.empty() && !how.force) {
        open_again(id);
        return refused("plugin '{}' is in use by {} connections (client {}{}); with force they are closed", id, clients.size(),
                       *clients.begin(), clients.size() > 1 ? ", ..." : "");
    }
    const LeafLock lock(mu);
    for (const auto& item : slots)
        if (meant(item) && item.second.instance) item.second.instance->refuse_calls(kDisabled);
    if (Plug* plug = find_plug(id)) {
        plug->state = PluginState::ending;
        plug->reason = "it is being disabled";
    }
    return {};
}

Status PluginManager::disable(const std::string& id, const Disable& asked) {
    State& s = *state_;
    Disable how = asked;
    PluginState state{};
    {
        const LeafLock lock(s.mu);
        const Plug* plug = s.find_plug(id);
        if (plug == nullptr) return refused("there is no plugin '{}'", id);
        state = plug->state;
    }
    if (how.remember && matches(s.policy.required, id))
        return refused("plugin '{}' is required (loading.required): without it the daemon would not start again; it can be "
                       "disabled for now only",
                       id);
    const bool alive = state == PluginState::running || state == PluginState::stuck;
    how.force = how.force || state == PluginState::stuck; // once more what was begun
    if (alive) {
        std::set<std::uint64_t> clients;
        if (!how.force) PV_TRY(s.check_unused(id));
        PV_TRY(s.shut(id, how, clients));
        s.publish();
        log::info("plugin", "{}: an administrator disables it{}", id,
                  clients.empty() ? "" : fmt::format("; {} connections are closed", clients.size()));
        if (!clients.empty() && how.close_clients) how.close_clients(clients);
        const bool ended = s.end_slots(id, how.until, true);
        // Whoever was just coming in when the others were counted.
        if (const auto late = how.clients ? how.clients() : std::set<std::uint64_t>(); !late.empty() && how.close_clients)
            how.close_clients(late);
        if (!ended) {
            s.set_state(id, PluginState::stuck, "it was disabled, but calls or objects of it are still in use");
            s.publish();
            return refused("plugin '{}' is disabled and takes no calls, but has not ended: something of it is still in use "
                           "(the log says what); 'disable' again waits once more",
                           id);
        }
    }
    // What is denied or refused stays so, and says why.
    if (alive || state == PluginState::found || state == PluginState::left_out || state == PluginState::crashed)
        s.set_state(id, PluginState::disabled, "an administrator disabled it");
    {
        const LeafLock lock(s.mu);
        if (Plug* plug = s.find_plug(id)) plug->generation = nullptr;
        s.failures.erase(id);
    }
    s.publish();
    if (!how.remember) return {};
    const Status remembered = s.record->set_disabled(id, true);
    if (remembered) return {};
    return refused("plugin '{}' is disabled, but only until the daemon starts anew: {}", id, remembered.error().message);
}

Status PluginManager::enable(const std::string& id, bool remember) {
    State& s = *state_;
    if (remember) PV_TRY(s.record->set_disabled(id, false));
    s.record->forget_crashes(id);
    s.record->forget_crashes(id, LoadRecord::Step::open);
    s.look_at_folders();
    Plug plug;
    std::string failure;
    {
        const LeafLock lock(s.mu);
        const Plug* found = s.find_plug(id);
        if (found == nullptr) return refused("there is no plugin '{}' in {}", id, join(s.policy.folders));
        plug = *found;
        if (const auto it = s.failures.find(id); it != s.failures.end()) failure = it->second;
    }
    switch (plug.state) {
    case PluginState::running:
        if (failure.empty()) return {};
        break; // its instance is tried again
    case PluginState::ending:
    case PluginState::stuck: return refused("plugin '{}' cannot be enabled: {}", id, plug.reason);
    case PluginState::denied: return refused("plugin '{}' is denied: {}", id, plug.reason);
    case PluginState::refused: return refused("{}", plug.reason);
    default: PV_TRY(s.take_in(std::move(plug)));
    }
    s.open_again(id);
    const std::optional<Offered> offered = s.prepare_start(id);
    s.publish();
    if (offered) s.start_one(*offered);
    s.record->forget_crashes(id);
    log::info("plugin", "{}: an administrator enabled it", id);
    const LeafLock lock(s.mu);
    if (const auto it = s.failures.find(id); it != s.failures.end())
        return refused("plugin '{}' is loaded but did not start: {}", id, it->second);
    return {};
}

// Why it cannot live beside those that run; empty if it can.
std::string PluginManager::State::conflict(const Manifest& manifest) const {
    const std::shared_ptr<const Routes> routes = current();
    Claims claims;
    std::vector<const Manifest*> all;
    for (const auto& generation : routes->generations) {
        if (generation->manifest.id == manifest.id) continue;
        static_cast<void>(claim(claims, generation->manifest, policy)); // they run
        all.push_back(&generation->manifest);
    }
    if (Status good = claim(claims, manifest, policy); !good) return good.error().str2;
    all.push_back(&manifest);
    const StartOrder order = start_order(all, claims);
    const auto circle = order.circles.find(manifest.id);
    return circle == order.circles.end() ? "" : "what it uses leads back to it: " + circle->second;
}

// Loads one beside those that run.
Status PluginManager::State::take_in(Plug plug) {
    const std::string id = plug.manifest.id;
    const std::string path = plug.path;
    std::string why = conflict(plug.manifest);
    if (why.empty()) {
        plug.state = PluginState::found;
        load_code(plug);
        if (!plug.loaded()) why = plug.reason;
    } else {
        why = fmt::format("plugin {}: {}", path, why);
        refuse(plug, PluginState::refused, why);
    }
    {
        const LeafLock lock(mu);
        if (Plug* twin = find_plug(id)) *twin = std::move(plug);
    }
    publish();
    if (why.empty()) return {};
    return refused("{}", why);
}

Result<Inspection> PluginManager::inspect(const std::string& id_or_path) const {
    State& s = *state_;
    std::string path = id_or_path;
    std::optional<Plug> known;
    if (path.find('/') == std::string::npos) {
        const LeafLock lock(s.mu);
        const Plug* plug = s.find_plug(id_or_path);
        if (plug == nullptr) return refused("there is no plugin '{}'", id_or_path);
        known = *plug;
        path = known->path;
    }
    Inspection result;
    const Result<PluginFile> file = read_plugin_file(path);
    if (!file && !known) return file.error();
    if (!file) {
        result.facts = manifest_facts(known->manifest);
        result.problem = file.error().message;
        return result;
    }
    PV_ASSIGN_OR_RETURN(result.facts, file_facts(*file));
    const Plug judged = s.look_at(path);
    if (judged.state != PluginState::found) result.problem = judged.reason;
    else result.problem = s.conflict(file->manifest);
    return result;
}

} // namespace polyvirt::plugin
