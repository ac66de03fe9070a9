// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Commands about the daemon itself: which commands there are, its state, its clients.

#include <nlohmann/json.hpp>

#include <unistd.h>

#include "host/dispatch/commands.h"
#include "host/dispatch/dispatcher.h"
#include "host/dispatch/wire_call.h"
#include "host/rpc/server.h"

namespace polyvirt::dispatch {
namespace {

using nlohmann::json;

Result<json> commands(WireCall& /*call*/, const json& arguments) {
    PV_TRY(argument::only(arguments, {}));
    json list = json::array();
    for (const auto table : all_commands())
        for (const Command& command : table)
            list.push_back({{"name", command.name}, {"summary", command.summary}});
    return list;
}

json workers_of(const rpc::Server& server) {
    const work::PoolStats stats = server.pool().stats();
    return {{"current", stats.workers},          {"free", stats.free_workers},
            {"parked", stats.parked},            {"priority", stats.prio_workers},
            {"queued", stats.queued},            {"min", stats.limits.min_workers},
            {"max", stats.limits.max_workers},   {"hard_cap", stats.limits.hard_cap}};
}

Result<json> status(WireCall& call, const json& arguments) {
    PV_TRY(argument::only(arguments, {}));
    Dispatcher& dispatcher = call.dispatcher();
    json servers = json::array();
    for (const rpc::Server* server : dispatcher.servers()) {
        const rpc::Server::Stats stats = server->stats();
        servers.push_back({{"name", server->name()},
                           {"clients", stats.clients},
                           {"unauthenticated", stats.anonymous},
                           {"accepted", stats.accepted},
                           {"turned_away", stats.turned_away},
                           {"input_bytes_held", stats.input_bytes}});
    }
    json plugins = json::array();
    for (const plugin::PluginInfo& info : dispatcher.plugins().list())
        plugins.push_back({{"id", info.id},
                           {"version", info.version},
                           {"state", plugin::state_name(info.state)},
                           {"refused", info.refused},
                           {"reason", info.reason},
                           {"instances", info.instances.size()}});
    return json{{"version", dispatcher.options().version},
                {"pid", ::getpid()},
                {"workers", workers_of(*dispatcher.servers().front())},
                {"servers", std::move(servers)},
                {"plugins", std::move(plugins)}};
}

json describe(const std::string& server, rpc::Client& client) {
    const rpc::Identity who = client.identity();
    const rpc::Client::Stats stats = client.stats();
    json row = {{"server", server},
                {"id", client.id()},
                {"transport", transport_name(who.transport)},
                {"address", who.address},
                {"connected_at", client.connected_at()},
                {"readonly", who.readonly},
                {"authenticated", client.authenticated()},
                {"calls", stats.calls},
                {"in_flight", stats.in_flight},
                {"queued", stats.queued},
                {"queued_bytes", stats.queued_bytes},
                {"unsent_bytes", stats.unsent_bytes},
                {"streams", stats.streams}};
    if (who.transport == rpc::Transport::unix_socket) {
        row["pid"] = who.pid;
        row["uid"] = who.uid;
        row["gid"] = who.gid;
    }
    if (!who.sasl_user.empty()) row["sasl_user"] = who.sasl_user;
    if (!who.x509_dname.empty()) row["x509_dname"] = who.x509_dname;
    return row;
}

Result<json> clients(WireCall& call, const json& arguments) {
    PV_TRY(argument::only(arguments, {}));
    json list = json::array();
    for (const rpc::Server* server : call.dispatcher().servers())
        for (const auto& client : server->clients()) list.push_back(describe(server->name(), *client));
    return list;
}

constexpr Command kDaemonCommands[] = {
    {"commands", "The commands that this daemon knows", &commands},
    {"status", "Version, workers, servers and plugins", &status},
    {"clients", "Who is connected, and what each has in flight", &clients},
};

} // namespace

std::span<const Command> daemon_commands() { return kDaemonCommands; }

} // namespace polyvirt::dispatch
