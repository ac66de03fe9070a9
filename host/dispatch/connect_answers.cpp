// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Opening and closing a connection, authentication, and what the daemon says about itself.

#include <cerrno>

#include <unistd.h>

#include "base/error_text.h"
#include "host/dispatch/dispatcher.h"
#include "host/dispatch/host_table.h"
#include "host/dispatch/wire_objects.h"
#include "host/protocol/gen/constants.h"
#include "host/protocol/gen/remote.h"

namespace polyvirt::dispatch {
namespace {

namespace remote = protocol::remote;

Status connect_open(WireCall& call, const remote::connect_open_args& args, Nothing&) {
    if (args.name.data == nullptr)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::rpc, "connection URI must be present");
    const std::string uri(view(args.name));
    PV_ASSIGN_OR_RETURN(auto instance, call.dispatcher().plugins().open(uri, call.client().id()));
    const bool readonly = (args.flags & protocol::VIR_CONNECT_RO) != 0;
    return call.session().open(std::move(instance), uri, readonly);
}

Status connect_close(WireCall& call, const Nothing&, Nothing&) {
    call.after_reply([client = call.client_ptr()] { client->close_after_flush(); });
    return {};
}

Status get_uri(WireCall& call, const Nothing&, remote::connect_get_uri_ret& ret) {
    ret.uri = call.keep(call.driver().canonical_uri());
    return {};
}

Status get_hostname(WireCall& call, const Nothing&, remote::connect_get_hostname_ret& ret) {
    char name[256] = {};
    if (gethostname(name, sizeof name - 1) != 0)
        return make_system_error(errno, ErrorDomain::none, "failed to determine host name");
    ret.hostname = call.keep(name);
    return {};
}

Status get_lib_version(WireCall& call, const Nothing&, remote::connect_get_lib_version_ret& ret) {
    ret.lib_ver = call.dispatcher().options().reported_version;
    return {};
}

// The driver's name in the way clients know it: "QEMU" for qemu:///system.
Status get_type(WireCall& call, const Nothing&, remote::connect_get_type_ret& ret) {
    ret.type = call.keep(call.driver().type_name());
    return {};
}

// A unix socket is neither encrypted nor spied upon.
Status is_secure(WireCall& call, const Nothing&, remote::connect_is_secure_ret& ret) {
    const auto transport = call.client().identity().transport;
    ret.secure = transport == rpc::Transport::tcp ? 0 : 1;
    return {};
}

Status supports_feature(WireCall& call, const remote::connect_supports_feature_args& args,
                        remote::connect_supports_feature_ret& ret) {
    if (call.instance == nullptr &&
        !call.proc().before_open_when.holds(static_cast<std::uint32_t>(args.feature)))
        return not_open(call.proc());
    const protocol::FeatureInfo* known = protocol::find_feature(args.feature);
    if (known != nullptr && known->host) {
        ret.supported = known->value ? 1 : 0;
        if (known->starts_pings)
            call.after_reply([client = call.client_ptr()] { client->enable_keepalive(); });
        return {};
    }
    switch (args.feature) {
    case protocol::VIR_DRV_FEATURE_TYPED_PARAM_STRING:
    case protocol::VIR_DRV_FEATURE_NETWORK_UPDATE_HAS_CORRECT_ORDER:
        ret.supported = 1; // what these promise is the host's own doing, whatever the driver
        break;
    default: ret.supported = 0;
    }
    return {};
}

Status auth_list(WireCall& call, const Nothing&, remote::auth_list_ret& ret) {
    // Unix sockets have their modes; further methods come with the listeners that need them.
    const std::span<std::int32_t> types = call.arena().make_array<std::int32_t>(1);
    types[0] = protocol::auth_type_none;
    ret.types = types;
    return {};
}

Status register_close_callback(WireCall& call, const Nothing&, Nothing&) {
    if (!call.session().set_close_callback(true))
        return make_error(ErrorCode::operation_failed, ErrorDomain::rpc,
                          "A close callback is already registered");
    return {};
}

Status unregister_close_callback(WireCall& call, const Nothing&, Nothing&) {
    if (!call.session().set_close_callback(false))
        return make_error(ErrorCode::operation_failed, ErrorDomain::rpc,
                          "A close callback is not registered");
    return {};
}

template <typename Args, typename Ret, Status (*F)(WireCall&, const Args&, Ret&)>
constexpr HostAnswer entry(remote::Proc proc) {
    return {remote::kProgram, static_cast<std::int32_t>(proc), &typed<Args, Ret, F>};
}

constexpr HostAnswer kAnswers[] = {
    entry<remote::connect_open_args, Nothing, &connect_open>(remote::Proc::connect_open),
    entry<Nothing, Nothing, &connect_close>(remote::Proc::connect_close),
    entry<Nothing, remote::connect_get_uri_ret, &get_uri>(remote::Proc::connect_get_uri),
    entry<Nothing, remote::connect_get_hostname_ret, &get_hostname>(remote::Proc::connect_get_hostname),
    entry<Nothing, remote::connect_get_lib_version_ret, &get_lib_version>(
        remote::Proc::connect_get_lib_version),
    entry<Nothing, remote::connect_get_type_ret, &get_type>(remote::Proc::connect_get_type),
    entry<Nothing, remote::connect_is_secure_ret, &is_secure>(remote::Proc::connect_is_secure),
    entry<remote::connect_supports_feature_args, remote::connect_supports_feature_ret, &supports_feature>(
        remote::Proc::connect_supports_feature),
    entry<Nothing, remote::auth_list_ret, &auth_list>(remote::Proc::auth_list),
    entry<Nothing, Nothing, &register_close_callback>(remote::Proc::connect_register_close_callback),
    entry<Nothing, Nothing, &unregister_close_callback>(remote::Proc::connect_unregister_close_callback),
};

} // namespace

std::span<const HostAnswer> connect_answers() { return kAnswers; }

} // namespace polyvirt::dispatch
