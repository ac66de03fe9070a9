// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The admin program: the connection, the daemon as a whole and its log. What is about one server stands
// in admin_server_answers.cpp.

#include "base/error_text.h"
#include "host/dispatch/admin_hooks.h"
#include "host/dispatch/admin_support.h"
#include "host/dispatch/dispatcher.h"
#include "host/dispatch/host_table.h"
#include "host/dispatch/wire_objects.h"
#include "host/protocol/gen/admin.h"
#include "host/rpc/server.h"

namespace polyvirt::dispatch {
namespace {

namespace admin = protocol::admin;
using admin_support::find_server;
using admin_support::no_flags;

Status connect_open(WireCall& call, const admin::connect_open_args& args, Nothing&) {
    return no_flags(call, args.flags);
}

Status connect_close(WireCall& call, const Nothing&, Nothing&) {
    call.after_reply([client = call.client_ptr()] { client->close_after_flush(); });
    return {};
}

Status get_lib_version(WireCall& call, const Nothing&, admin::connect_get_lib_version_ret& ret) {
    ret.libVer = call.dispatcher().options().reported_version;
    return {};
}

Status list_servers(WireCall& call, const admin::connect_list_servers_args& args,
                    admin::connect_list_servers_ret& ret) {
    PV_TRY(no_flags(call, args.flags));
    const auto& servers = call.dispatcher().servers();
    ret.ret = static_cast<std::uint32_t>(servers.size());
    if (args.need_results == 0) return {};
    const std::span<admin::server> list = call.arena().make_array<admin::server>(servers.size());
    for (std::size_t i = 0; i < servers.size(); ++i) list[i].name = call.keep(servers[i]->name());
    ret.servers = list;
    return {};
}

Status lookup_server(WireCall& call, const admin::connect_lookup_server_args& args,
                     admin::connect_lookup_server_ret& ret) {
    PV_TRY(no_flags(call, args.flags));
    PV_ASSIGN_OR_RETURN(const rpc::Server* server, find_server(call, args.name));
    ret.srv.name = call.keep(server->name());
    return {};
}

Status get_log_filters(WireCall& call, const admin::connect_get_logging_filters_args& args,
                       admin::connect_get_logging_filters_ret& ret) {
    PV_TRY(no_flags(call, args.flags));
    PV_ASSIGN_OR_RETURN(const AdminHooks::LogSetting now, call.dispatcher().admin_hooks().log_filters());
    if (now.count != 0) ret.filters = call.keep(now.text); // none at all: absent
    ret.nfilters = now.count;
    return {};
}

Status get_log_outputs(WireCall& call, const admin::connect_get_logging_outputs_args& args,
                       admin::connect_get_logging_outputs_ret& ret) {
    PV_TRY(no_flags(call, args.flags));
    PV_ASSIGN_OR_RETURN(const AdminHooks::LogSetting now, call.dispatcher().admin_hooks().log_outputs());
    ret.outputs = call.keep(now.text);
    ret.noutputs = now.count;
    return {};
}

Status set_log_filters(WireCall& call, const admin::connect_set_logging_filters_args& args, Nothing&) {
    PV_TRY(no_flags(call, args.flags));
    return call.dispatcher().admin_hooks().set_log_filters(std::string(args.filters.view()));
}

Status set_log_outputs(WireCall& call, const admin::connect_set_logging_outputs_args& args, Nothing&) {
    PV_TRY(no_flags(call, args.flags));
    return call.dispatcher().admin_hooks().set_log_outputs(std::string(args.outputs.view()));
}

Status set_daemon_timeout(WireCall& call, const admin::connect_set_daemon_timeout_args& args, Nothing&) {
    PV_TRY(no_flags(call, args.flags));
    return call.dispatcher().admin_hooks().set_idle_timeout(args.timeout);
}

template <typename Args, typename Ret, Status (*F)(WireCall&, const Args&, Ret&)>
constexpr HostAnswer entry(admin::Proc proc) {
    return {admin::kProgram, static_cast<std::int32_t>(proc), &typed<Args, Ret, F>};
}

constexpr HostAnswer kAnswers[] = {
    entry<admin::connect_open_args, Nothing, &connect_open>(admin::Proc::connect_open),
    entry<Nothing, Nothing, &connect_close>(admin::Proc::connect_close),
    entry<Nothing, admin::connect_get_lib_version_ret, &get_lib_version>(
        admin::Proc::connect_get_lib_version),
    entry<admin::connect_list_servers_args, admin::connect_list_servers_ret, &list_servers>(
        admin::Proc::connect_list_servers),
    entry<admin::connect_lookup_server_args, admin::connect_lookup_server_ret, &lookup_server>(
        admin::Proc::connect_lookup_server),
    entry<admin::connect_get_logging_filters_args, admin::connect_get_logging_filters_ret, &get_log_filters>(
        admin::Proc::connect_get_logging_filters),
    entry<admin::connect_get_logging_outputs_args, admin::connect_get_logging_outputs_ret, &get_log_outputs>(
        admin::Proc::connect_get_logging_outputs),
    entry<admin::connect_set_logging_filters_args, Nothing, &set_log_filters>(
        admin::Proc::connect_set_logging_filters),
    entry<admin::connect_set_logging_outputs_args, Nothing, &set_log_outputs>(
        admin::Proc::connect_set_logging_outputs),
    entry<admin::connect_set_daemon_timeout_args, Nothing, &set_daemon_timeout>(
        admin::Proc::connect_set_daemon_timeout),
};

} // namespace

std::span<const HostAnswer> admin_answers() { return kAnswers; }

} // namespace polyvirt::dispatch
