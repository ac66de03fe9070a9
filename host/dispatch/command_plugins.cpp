// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Commands about plugins: which there are, what one is, enabling and disabling it.

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>

#include <nlohmann/json.hpp>

#include "base/sync.h"
#include "host/dispatch/commands.h"
#include "host/dispatch/dispatcher.h"
#include "host/dispatch/session.h"
#include "host/dispatch/wire_call.h"
#include "host/loop/event_loop.h"
#include "host/rpc/server.h"

namespace polyvirt::dispatch {
namespace {

using nlohmann::json;

// How long calls in flight may take to end when a plugin is disabled.
constexpr std::uint64_t kWaitSeconds = 10, kMostSeconds = 3600;

const char* name_of(plugin::InstanceState state) {
    switch (state) {
    case plugin::InstanceState::created: return "starting";
    case plugin::InstanceState::started: return "running";
    case plugin::InstanceState::stopping: return "stopping";
    case plugin::InstanceState::stopped: return "stopped";
    case plugin::InstanceState::failed: return "failed";
    }
    return "unknown";
}

json describe(const plugin::PluginInfo& info) {
    json instances = json::array();
    for (const auto& inst : info.instances)
        instances.push_back({{"key", inst.key},
                             {"uri", inst.uri},
                             {"state", name_of(inst.state)},
                             {"objects", inst.objects},
                             {"calls", inst.stats.entered},
                             {"calls_in_flight", inst.stats.in_flight}});
    return {{"id", info.id},
            {"version", info.version},
            {"file", info.path},
            {"state", plugin::state_name(info.state)},
            {"reason", info.reason},
            {"required", info.required},
            {"optional", info.optional},
            {"uri", info.schemes},
            {"kinds", info.kinds},
            {"serves", info.serves},
            {"instances", std::move(instances)}};
}

Result<json> plugin_list(WireCall& call, const json& arguments) {
    PV_TRY(argument::only(arguments, {}));
    json list = json::array();
    for (const plugin::PluginInfo& info : call.dispatcher().plugins().list()) list.push_back(describe(info));
    return list;
}

Result<json> plugin_inspect(WireCall& call, const json& arguments) {
    PV_TRY(argument::only(arguments, {"name"}));
    PV_ASSIGN_OR_RETURN(const std::string name, argument::text(arguments, "name"));
    plugin::PluginManager& plugins = call.dispatcher().plugins();
    PV_ASSIGN_OR_RETURN(const plugin::Inspection found, plugins.inspect(name));
    json answer = {{"loads", found.problem.empty()}, {"problem", found.problem}};
    for (const plugin::Fact& fact : found.facts)
        answer[fact.name] = fact.is_list ? json(fact.values) : json(fact.values.front());
    for (const plugin::PluginInfo& info : plugins.list())
        if (info.id == name) answer["state"] = plugin::state_name(info.state);
    return answer;
}

// Who has opened a plugin. Sessions are looked at on the loop that makes them.
std::set<std::uint64_t> clients_of(const rpc::Server& server, const std::string& plugin) {
    struct Answer {
        Mutex mu{Rank::leaf};
        CondVar changed;
        bool there PV_GUARDED_BY(mu) = false;
        std::set<std::uint64_t> clients PV_GUARDED_BY(mu);
    };
    const auto answer = std::make_shared<Answer>();
    const bool taken = server.loop().post([answer, plugin, all = server.clients()] {
        std::set<std::uint64_t> found;
        for (const auto& client : all)
            if (const auto* session = static_cast<const Session*>(client->session()))
                if (const auto instance = session->instance(); instance != nullptr && instance->plugin_id() == plugin)
                    found.insert(client->id());
        const LeafLock lock(answer->mu);
        answer->clients = std::move(found);
        answer->there = true;
        answer->changed.notify_all();
    });
    LeafLock lock(answer->mu);
    while (taken && !answer->there) answer->changed.wait(lock);
    return answer->clients;
}

// What of a plugin's state the caller wants to see afterwards.
json state_of(WireCall& call, const std::string& name) {
    for (const plugin::PluginInfo& info : call.dispatcher().plugins().list())
        if (info.id == name) return describe(info);
    return json::object();
}

Result<json> plugin_enable(WireCall& call, const json& arguments) {
    PV_TRY(argument::only(arguments, {"name", "now_only"}));
    PV_ASSIGN_OR_RETURN(const std::string name, argument::text(arguments, "name"));
    PV_ASSIGN_OR_RETURN(const bool now_only, argument::flag(arguments, "now_only"));
    PV_TRY(call.dispatcher().plugins().enable(name, !now_only));
    return state_of(call, name);
}

Result<json> plugin_disable(WireCall& call, const json& arguments) {
    PV_TRY(argument::only(arguments, {"name", "now_only", "force", "wait_s"}));
    PV_ASSIGN_OR_RETURN(const std::string name, argument::text(arguments, "name"));
    PV_ASSIGN_OR_RETURN(const bool now_only, argument::flag(arguments, "now_only"));
    PV_ASSIGN_OR_RETURN(const auto wait, argument::optional_number(arguments, "wait_s"));
    plugin::Disable how;
    PV_ASSIGN_OR_RETURN(how.force, argument::flag(arguments, "force"));
    how.remember = !now_only;
    how.until = std::chrono::steady_clock::now() + std::chrono::seconds(std::min(wait.value_or(kWaitSeconds), kMostSeconds));
    // Drivers are opened on the main server alone.
    const rpc::Server* server = call.dispatcher().servers().front();
    how.clients = [server, &name] { return clients_of(*server, name); };
    how.close_clients = [server, &name](const std::set<std::uint64_t>& clients) {
        for (const std::uint64_t id : clients)
            if (const auto client = server->find_client(id))
                client->close("plugin '" + name + "' is disabled by an administrator");
    };
    PV_TRY(call.dispatcher().plugins().disable(name, how));
    return state_of(call, name);
}

constexpr Command kPluginCommands[] = {
    {"plugin list", "Which plugins there are, their state, and what runs of them", &plugin_list},
    {"plugin inspect", "What a plugin, or a file, says of itself, and whether it would be loaded", &plugin_inspect, true},
    {"plugin enable", "Loads and starts a plugin now and from now on", &plugin_enable, true},
    {"plugin disable", "Ends a plugin now and from now on", &plugin_disable, true}};

} // namespace

std::span<const Command> plugin_commands() { return kPluginCommands; }

} // namespace polyvirt::dispatch
