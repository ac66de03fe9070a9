// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Opening and closing a connection, and what the daemon says about it and itself.

#include <algorithm>
#include <array>
#include <cerrno>

#include <unistd.h>

#include <polyvirt/abi/gen/dom_migrate.h>

#include "host/dispatch/dispatcher.h"
#include "host/dispatch/errors.h"
#include "host/dispatch/gen/host_ops.h"
#include "host/protocol/gen/constants.h"

namespace polyvirt::dispatch::host {

Status connect_open(WireCall& call, const ConnectOpenIn& in, ConnectOpenOut&) {
    if (!in.name) return make_error(ErrorCode::invalid_arg, ErrorDomain::rpc, "connection URI must be present");
    const std::string uri(*in.name);
    // There already: rpc-loop has found it, or this is a second open.
    std::shared_ptr<plugin::Instance> instance = call.instance;
    if (instance == nullptr) {
        PV_ASSIGN_OR_RETURN(instance, call.dispatcher().plugins().open(uri, call.client().id()));
    }
    return call.session().open(std::move(instance), uri, (in.flags & protocol::VIR_CONNECT_RO) != 0);
}

Status connect_close(WireCall& call, const ConnectCloseIn&, ConnectCloseOut&) {
    call.after_reply([client = call.client_ptr()] { client->close_after_flush(); });
    return {};
}

Status uri(WireCall& call, const UriIn&, UriOut& out) {
    out.uri = call.driver().canonical_uri();
    return {};
}

Status hostname(WireCall&, const HostnameIn&, HostnameOut& out) {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0)
        return make_system_error(errno, ErrorDomain::none, "failed to determine host name");
    out.hostname = name.data();
    return {};
}

Status lib_version(WireCall& call, const LibVersionIn&, LibVersionOut& out) {
    out.version = call.dispatcher().options().reported_version;
    return {};
}

Status is_secure(WireCall& call, const IsSecureIn&, IsSecureOut& out) {
    out.secure = call.client().identity().is_secure();
    return {};
}

Status supports_feature(WireCall& call, const SupportsFeatureIn& in, SupportsFeatureOut& out) {
    if (call.instance == nullptr && !call.proc().before_open_when.holds(static_cast<std::uint32_t>(in.feature)))
        return not_open(call.proc());
    if (in.feature == protocol::VIR_DRV_FEATURE_FD_PASSING && !call.client().is_local()) {
        out.supported = false;
        return {};
    }
    const protocol::FeatureInfo* known = protocol::find_feature(in.feature);
    if (known != nullptr && known->host) {
        out.supported = known->value;
        if (known->starts_pings) call.after_reply([client = call.client_ptr()] { client->enable_keepalive(); });
        return {};
    }
    // Version 3, with parameters, is what the ABI has; a driver has all of its five steps or cannot move domains.
    if (in.feature == protocol::VIR_DRV_FEATURE_MIGRATION_V3 || in.feature == protocol::VIR_DRV_FEATURE_MIGRATION_PARAMS) {
        constexpr std::array kSteps = {PV_OP_MIGRATE_BEGIN, PV_OP_MIGRATE_PREPARE, PV_OP_MIGRATE_PERFORM, PV_OP_MIGRATE_FINISH,
                                       PV_OP_MIGRATE_CONFIRM};
        out.supported = std::all_of(kSteps.begin(), kSteps.end(), [&](auto op) {
            return call.instance != nullptr && call.instance->implements(static_cast<std::uint32_t>(op));
        });
        return {};
    }
    // What these promise is the host's own doing, whatever the driver.
    out.supported = in.feature == protocol::VIR_DRV_FEATURE_TYPED_PARAM_STRING ||
                    in.feature == protocol::VIR_DRV_FEATURE_NETWORK_UPDATE_HAS_CORRECT_ORDER;
    return {};
}

namespace {

// The parameters of an identity: what each sets, and the type that it comes as.
struct IdentityField {
    std::string_view name;
    std::string plugin::Caller::*text = nullptr;
    std::int64_t plugin::Caller::*number = nullptr;
    std::int32_t type = PV_PARAM_STRING;
};
constexpr std::array kIdentity = {
    IdentityField{protocol::VIR_CONNECT_IDENTITY_USER_NAME, &plugin::Caller::user},
    IdentityField{protocol::VIR_CONNECT_IDENTITY_GROUP_NAME, &plugin::Caller::group},
    IdentityField{protocol::VIR_CONNECT_IDENTITY_SASL_USER_NAME, &plugin::Caller::sasl_user},
    IdentityField{protocol::VIR_CONNECT_IDENTITY_X509_DISTINGUISHED_NAME, &plugin::Caller::x509_dname},
    IdentityField{protocol::VIR_CONNECT_IDENTITY_UNIX_USER_ID, nullptr, &plugin::Caller::uid, PV_PARAM_ULLONG},
    IdentityField{protocol::VIR_CONNECT_IDENTITY_UNIX_GROUP_ID, nullptr, &plugin::Caller::gid, PV_PARAM_ULLONG},
    IdentityField{protocol::VIR_CONNECT_IDENTITY_PROCESS_ID, nullptr, &plugin::Caller::pid, PV_PARAM_LLONG},
    // Nobody here asks for these two.
    IdentityField{protocol::VIR_CONNECT_IDENTITY_PROCESS_TIME, nullptr, nullptr, PV_PARAM_ULLONG},
    IdentityField{protocol::VIR_CONNECT_IDENTITY_SELINUX_CONTEXT},
};

Status take_identity(const protocol::typed_param& param, plugin::Caller& caller) {
    const std::string_view name = param.field.view();
    const auto* const field = std::find_if(kIdentity.begin(), kIdentity.end(), [&](const auto& f) { return f.name == name; });
    if (field == kIdentity.end())
        return make_error(ErrorCode::argument_unsupported, ErrorDomain::none, "parameter '{}' not supported", name);
    if (param.value.tag != field->type)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "invalid type for parameter '{}', expected {}, found {}",
                          name, field->type, param.value.tag);
    if (field->text != nullptr) caller.*field->text = param.value.s.view();
    if (field->number != nullptr) {
        // Either way the same bits; ids have 32 of them.
        const auto number = field->type == PV_PARAM_LLONG ? param.value.l : static_cast<std::int64_t>(param.value.ul);
        if (number < 0 || number > 0xffff'ffffLL)
            return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "parameter '{}' is {}, no such id", name, number);
        caller.*field->number = number;
    }
    return {};
}

// Whoever says for whom it speaks must be trusted with it: root and the daemon's own user, whose processes could
// act for anybody in any case.
Status may_set_identity(WireCall& call) {
    const rpc::Identity& id = call.client().identity();
    if (id.transport == rpc::Transport::unix_socket && (id.uid == 0 || id.uid == static_cast<std::int64_t>(geteuid()))) return {};
    return make_error(ErrorCode::operation_denied, ErrorDomain::rpc,
                      "only root and the daemon's own user may speak for others, over a unix socket");
}

} // namespace

// Of what the connection itself has proved, the read-only mode, the transport and the client's number stay.
Status set_identity(WireCall& call, const SetIdentityIn& in, SetIdentityOut&) {
    PV_TRY(may_set_identity(call));
    plugin::Caller caller;
    caller.client = call.caller().client;
    caller.readonly = call.caller().readonly;
    caller.transport = call.caller().transport;
    for (const protocol::typed_param& param : in.params) PV_TRY(take_identity(param, caller));
    call.session().set_caller(std::move(caller));
    return {};
}

} // namespace polyvirt::dispatch::host
