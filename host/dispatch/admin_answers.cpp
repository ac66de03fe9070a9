// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The admin program, as far as it goes: opening, the version, the servers.

#include "base/error_text.h"
#include "host/dispatch/dispatcher.h"
#include "host/dispatch/host_table.h"
#include "host/dispatch/wire_objects.h"
#include "host/protocol/gen/admin.h"
#include "host/rpc/server.h"

namespace polyvirt::dispatch {
namespace {

namespace admin = protocol::admin;

Status no_flags(WireCall& call, std::uint32_t flags) {
    if (flags == 0) return {};
    return make_error(ErrorCode::invalid_arg, ErrorDomain::admin, "unsupported flags (0x{:x}) in function {}",
                      flags, call.proc().api);
}

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
    for (const rpc::Server* server : call.dispatcher().servers())
        if (server->name() == args.name.view()) {
            ret.srv.name = call.keep(server->name());
            return {};
        }
    return make_error(ErrorCode::no_server, ErrorDomain::rpc, "No server named '{}'", args.name.view());
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
};

} // namespace

std::span<const HostAnswer> admin_answers() { return kAnswers; }

} // namespace polyvirt::dispatch
