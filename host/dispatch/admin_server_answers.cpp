// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The admin program's calls about one server: its workers, its limits, its clients, its certificates.

#include <algorithm>
#include <optional>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "base/error_text.h"
#include "host/dispatch/admin_hooks.h"
#include "host/dispatch/admin_support.h"
#include "host/dispatch/dispatcher.h"
#include "host/dispatch/host_table.h"
#include "host/protocol/gen/admin.h"
#include "host/protocol/gen/constants.h"
#include "host/rpc/server.h"

namespace polyvirt::dispatch {
namespace {

namespace admin = protocol::admin;
using admin_support::AdminParams;
using admin_support::AdminSetting;
using admin_support::find_client;
using admin_support::find_server;
using admin_support::no_flags;

// Far beyond what is of use, and what a system gives: threads are started at once for the least number.
constexpr unsigned kMostWorkers = 10'000;

Status get_threadpool(WireCall& call, const admin::server_get_threadpool_parameters_args& args,
                      admin::server_get_threadpool_parameters_ret& ret) {
    PV_ASSIGN_OR_RETURN(const rpc::Server* server, find_server(call, args.srv.name));
    PV_TRY(no_flags(call, args.flags));
    const work::PoolStats now = server->pool().stats();
    AdminParams params(call, 6);
    params.number(protocol::VIR_THREADPOOL_WORKERS_MIN, now.limits.min_workers);
    params.number(protocol::VIR_THREADPOOL_WORKERS_MAX, now.limits.max_workers);
    params.number(protocol::VIR_THREADPOOL_WORKERS_CURRENT, now.workers);
    params.number(protocol::VIR_THREADPOOL_WORKERS_FREE, now.free_workers);
    params.number(protocol::VIR_THREADPOOL_WORKERS_PRIORITY, now.limits.prio_workers);
    params.number(protocol::VIR_THREADPOOL_JOB_QUEUE_DEPTH, now.queued);
    ret.params = params.list();
    return {};
}

Status check_workers(const work::PoolLimits& limits) {
    if (limits.min_workers > limits.max_workers)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "minWorkers cannot be larger than maxWorkers");
    const unsigned most = std::max(limits.max_workers, limits.prio_workers);
    if (most > kMostWorkers)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "{} workers are asked for, at most {} can be",
                          most, kMostWorkers);
    return {};
}

Status set_threadpool(WireCall& call, const admin::server_set_threadpool_parameters_args& args, Nothing&) {
    PV_ASSIGN_OR_RETURN(const rpc::Server* server, find_server(call, args.srv.name));
    PV_TRY(no_flags(call, args.flags));
    work::PoolLimits limits = server->pool().stats().limits;
    // What may be parked beside the runnable ones stays as it is.
    const unsigned spare = limits.hard_cap - limits.max_workers;
    const AdminSetting settings[] = {
        {protocol::VIR_THREADPOOL_WORKERS_MIN, &limits.min_workers},
        {protocol::VIR_THREADPOOL_WORKERS_MAX, &limits.max_workers},
        {protocol::VIR_THREADPOOL_WORKERS_PRIORITY, &limits.prio_workers},
    };
    PV_TRY(admin_support::take_settings(args.params, settings));
    PV_TRY(check_workers(limits));
    limits.hard_cap = limits.max_workers + spare;
    server->pool().set_limits(limits);
    return {};
}

Status get_client_limits(WireCall& call, const admin::server_get_client_limits_args& args,
                         admin::server_get_client_limits_ret& ret) {
    PV_ASSIGN_OR_RETURN(const rpc::Server* server, find_server(call, args.srv.name));
    PV_TRY(no_flags(call, args.flags));
    const rpc::Limits limits = server->limits();
    const rpc::Server::Stats now = server->stats();
    AdminParams params(call, 4);
    params.number(protocol::VIR_SERVER_CLIENTS_MAX, limits.max_clients);
    params.number(protocol::VIR_SERVER_CLIENTS_CURRENT, now.clients);
    params.number(protocol::VIR_SERVER_CLIENTS_UNAUTH_MAX, limits.max_anonymous);
    params.number(protocol::VIR_SERVER_CLIENTS_UNAUTH_CURRENT, now.anonymous);
    ret.params = params.list();
    return {};
}

Status set_client_limits(WireCall& call, const admin::server_set_client_limits_args& args, Nothing&) {
    PV_ASSIGN_OR_RETURN(rpc::Server* server, find_server(call, args.srv.name));
    PV_TRY(no_flags(call, args.flags));
    rpc::Limits limits = server->limits();
    const AdminSetting settings[] = {
        {protocol::VIR_SERVER_CLIENTS_MAX, &limits.max_clients},
        {protocol::VIR_SERVER_CLIENTS_UNAUTH_MAX, &limits.max_anonymous},
    };
    PV_TRY(admin_support::take_settings(args.params, settings));
    // The peer's text, which has the two the wrong way round.
    if (limits.max_clients < limits.max_anonymous)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::rpc,
                          "The overall maximum number of clients waiting for authentication must not be less than "
                          "the overall maximum number of clients");
    server->set_limits(limits);
    return {};
}

std::uint32_t transport_of(const rpc::Identity& who) {
    switch (who.transport) {
    case rpc::Transport::unix_socket: return protocol::VIR_CLIENT_TRANS_UNIX;
    case rpc::Transport::tcp: return protocol::VIR_CLIENT_TRANS_TCP;
    case rpc::Transport::tls: return protocol::VIR_CLIENT_TRANS_TLS;
    }
    return protocol::VIR_CLIENT_TRANS_UNIX;
}

void describe(WireCall& call, const rpc::Server& server, const rpc::Client& client, admin::client& to) {
    to.srv.name = call.keep(server.name());
    to.id = client.id();
    to.timestamp = client.connected_at();
    to.transport = transport_of(client.identity());
}

Status list_clients(WireCall& call, const admin::server_list_clients_args& args,
                    admin::server_list_clients_ret& ret) {
    PV_ASSIGN_OR_RETURN(const rpc::Server* server, find_server(call, args.srv.name));
    PV_TRY(no_flags(call, args.flags));
    const auto clients = server->clients();
    if (clients.size() > admin::limit_client_list)
        return make_error(ErrorCode::internal_error, ErrorDomain::rpc, "Too many clients '{}' for limit '{}'",
                          clients.size(), admin::limit_client_list);
    ret.ret = static_cast<std::uint32_t>(clients.size());
    if (args.need_results == 0) return {};
    const std::span<admin::client> list = call.arena().make_array<admin::client>(clients.size());
    for (std::size_t i = 0; i < clients.size(); ++i) describe(call, *server, *clients[i], list[i]);
    ret.clients = list;
    return {};
}

Status lookup_client(WireCall& call, const admin::server_lookup_client_args& args,
                     admin::server_lookup_client_ret& ret) {
    PV_ASSIGN_OR_RETURN(const rpc::Server* server, find_server(call, args.srv.name));
    PV_TRY(no_flags(call, args.flags));
    PV_ASSIGN_OR_RETURN(const auto client, find_client(*server, args.id));
    describe(call, *server, *client, ret.clnt);
    return {};
}

std::optional<std::string> user_name(uid_t uid) {
    passwd server_entry{};
    passwd* found = nullptr;
    std::vector<char> room(1 << 14);
    if (::getpwuid_r(uid, &server_entry, room.data(), room.size(), &found) != 0 || found == nullptr) return std::nullopt;
    return found->pw_name;
}

std::optional<std::string> group_name(gid_t gid) {
    group server_entry{};
    group* found = nullptr;
    std::vector<char> room(1 << 16); // with all of its members
    if (::getgrgid_r(gid, &server_entry, room.data(), room.size(), &found) != 0 || found == nullptr) return std::nullopt;
    return found->gr_name;
}

void add_unix_identity(AdminParams& params, const rpc::Identity& who) {
    params.integer(protocol::VIR_CLIENT_INFO_UNIX_USER_ID, who.uid);
    if (const auto name = user_name(who.uid)) params.text(protocol::VIR_CLIENT_INFO_UNIX_USER_NAME, *name);
    params.integer(protocol::VIR_CLIENT_INFO_UNIX_GROUP_ID, who.gid);
    if (const auto name = group_name(who.gid)) params.text(protocol::VIR_CLIENT_INFO_UNIX_GROUP_NAME, *name);
    params.integer(protocol::VIR_CLIENT_INFO_UNIX_PROCESS_ID, who.pid);
}

Status client_get_info(WireCall& call, const admin::client_get_info_args& args, admin::client_get_info_ret& ret) {
    PV_ASSIGN_OR_RETURN(const rpc::Server* server, find_server(call, args.clnt.srv.name));
    const auto client = server->find_client(args.clnt.id);
    if (client == nullptr) // worded unlike that of the other calls, in the peer too
        return make_error(ErrorCode::no_client, ErrorDomain::admin, "no client with matching id '{}' found",
                          args.clnt.id);
    PV_TRY(no_flags(call, args.flags));
    const rpc::Identity who = client->identity();
    AdminParams params(call, 10);
    params.boolean(protocol::VIR_CLIENT_INFO_READONLY, who.readonly);
    if (!who.sasl_user.empty()) params.text(protocol::VIR_CLIENT_INFO_SASL_USER_NAME, who.sasl_user);
    if (who.transport == rpc::Transport::unix_socket)
        add_unix_identity(params, who);
    else
        params.text(protocol::VIR_CLIENT_INFO_SOCKET_ADDR, who.address);
    if (!who.x509_dname.empty()) params.text(protocol::VIR_CLIENT_INFO_X509_DISTINGUISHED_NAME, who.x509_dname);
    if (!who.security_label.empty()) params.text(protocol::VIR_CLIENT_INFO_SELINUX_CONTEXT, who.security_label);
    ret.params = params.list();
    return {};
}

Status client_close(WireCall& call, const admin::client_close_args& args, Nothing&) {
    PV_ASSIGN_OR_RETURN(const rpc::Server* server, find_server(call, args.clnt.srv.name));
    PV_ASSIGN_OR_RETURN(const auto client, find_client(*server, args.clnt.id));
    PV_TRY(no_flags(call, args.flags));
    client->close(fmt::format("an administrator (process {}) asked for it", call.client().identity().pid));
    return {};
}

Status update_tls(WireCall& call, const admin::server_update_tls_files_args& args, Nothing&) {
    PV_ASSIGN_OR_RETURN(const rpc::Server* server, find_server(call, args.srv.name));
    PV_TRY(no_flags(call, args.flags));
    return server->reload_tls();
}

template <typename Args, typename Ret, Status (*F)(WireCall&, const Args&, Ret&)>
constexpr HostAnswer server_entry(admin::Proc proc) {
    return {admin::kProgram, static_cast<std::int32_t>(proc), &typed<Args, Ret, F>};
}

constexpr HostAnswer kServerAnswers[] = {
    server_entry<admin::server_get_threadpool_parameters_args, admin::server_get_threadpool_parameters_ret, &get_threadpool>(
        admin::Proc::server_get_threadpool_parameters),
    server_entry<admin::server_set_threadpool_parameters_args, Nothing, &set_threadpool>(
        admin::Proc::server_set_threadpool_parameters),
    server_entry<admin::server_get_client_limits_args, admin::server_get_client_limits_ret, &get_client_limits>(
        admin::Proc::server_get_client_limits),
    server_entry<admin::server_set_client_limits_args, Nothing, &set_client_limits>(
        admin::Proc::server_set_client_limits),
    server_entry<admin::server_list_clients_args, admin::server_list_clients_ret, &list_clients>(
        admin::Proc::server_list_clients),
    server_entry<admin::server_lookup_client_args, admin::server_lookup_client_ret, &lookup_client>(
        admin::Proc::server_lookup_client),
    server_entry<admin::client_get_info_args, admin::client_get_info_ret, &client_get_info>(
        admin::Proc::client_get_info),
    server_entry<admin::client_close_args, Nothing, &client_close>(admin::Proc::client_close),
    server_entry<admin::server_update_tls_files_args, Nothing, &update_tls>(admin::Proc::server_update_tls_files),
};

} // namespace

std::span<const HostAnswer> admin_server_answers() { return kServerAnswers; }

} // namespace polyvirt::dispatch
