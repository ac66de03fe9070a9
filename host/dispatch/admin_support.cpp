// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/admin_support.h"

#include <algorithm>
#include <limits>
#include <string>

#include "base/assert.h"
#include "base/error_text.h"
#include "host/dispatch/dispatcher.h"
#include "host/protocol/gen/admin.h"
#include "host/protocol/gen/constants.h"
#include "host/rpc/server.h"

namespace polyvirt::dispatch::admin_support {
namespace {

const char* type_name(std::int32_t type) {
    switch (type) {
    case protocol::VIR_TYPED_PARAM_INT: return "int";
    case protocol::VIR_TYPED_PARAM_UINT: return "uint";
    case protocol::VIR_TYPED_PARAM_LLONG: return "llong";
    case protocol::VIR_TYPED_PARAM_ULLONG: return "ullong";
    case protocol::VIR_TYPED_PARAM_DOUBLE: return "double";
    case protocol::VIR_TYPED_PARAM_BOOLEAN: return "boolean";
    default: return "string";
    }
}

} // namespace

Status no_flags(WireCall& call, std::uint32_t flags) {
    if (flags == 0) return {};
    // The peer names its own function: that of the API, but for the first procedure.
    constexpr std::string_view kPrefix = "virAdm";
    const std::string_view api = std::string_view(call.proc().api).substr(kPrefix.size());
    const bool open = call.proc().id == static_cast<std::int32_t>(protocol::admin::Proc::connect_open);
    Error error{.code = ErrorCode::invalid_arg, .domain = ErrorDomain::admin};
    error.str1 = fmt::format("admin{}{}", open ? "Dispatch" : "", api);
    error.str2 = "flags";
    error.int1 = error.int2 = 0;
    error.message = fmt::format("unsupported flags (0x{:x}) in function {}", flags, error.str1);
    return error;
}

Result<rpc::Server*> find_server(WireCall& call, const protocol::Str& name) {
    for (rpc::Server* server : call.dispatcher().servers())
        if (server->name() == name.view()) return server;
    return make_error(ErrorCode::no_server, ErrorDomain::rpc, "No server named '{}'", name.view());
}

Result<std::shared_ptr<rpc::Client>> find_client(const rpc::Server& server, std::uint64_t id) {
    if (auto client = server.find_client(id)) return client;
    return make_error(ErrorCode::no_client, ErrorDomain::rpc, "No client with matching ID '{}'", id);
}

protocol::typed_param& AdminParams::next(const char* field, std::int32_t type) {
    PV_ASSERT(used_ < list_.size());
    protocol::typed_param& param = list_[used_++];
    param.field = protocol::to_str(field);
    param.value.tag = type;
    return param;
}

void AdminParams::number(const char* field, std::uint64_t value) {
    next(field, protocol::VIR_TYPED_PARAM_UINT).value.ui =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(value, std::numeric_limits<std::uint32_t>::max()));
}

void AdminParams::integer(const char* field, std::int64_t value) {
    next(field, protocol::VIR_TYPED_PARAM_INT).value.i = static_cast<std::int32_t>(value);
}

void AdminParams::boolean(const char* field, bool value) {
    next(field, protocol::VIR_TYPED_PARAM_BOOLEAN).value.b = value ? 1 : 0;
}

void AdminParams::text(const char* field, std::string_view value) {
    next(field, protocol::VIR_TYPED_PARAM_STRING).value.s = call_.keep(value);
}

Status take_settings(std::span<const protocol::typed_param> params, std::span<const AdminSetting> settings) {
    const auto setting_of = [&](const protocol::typed_param& param) {
        return std::find_if(settings.begin(), settings.end(),
                            [&](const AdminSetting& s) { return s.field == param.field.view(); });
    };
    for (std::size_t i = 0; i < params.size(); ++i) {
        const std::string_view field = params[i].field.view();
        if (setting_of(params[i]) == settings.end())
            return make_error(ErrorCode::argument_unsupported, ErrorDomain::none, "parameter '{}' not supported",
                              field);
        if (params[i].value.tag != protocol::VIR_TYPED_PARAM_UINT)
            return make_error(ErrorCode::invalid_arg, ErrorDomain::none,
                              "invalid type '{}' for parameter '{}', expected 'uint'",
                              type_name(params[i].value.tag), field);
        for (std::size_t j = 0; j < i; ++j)
            if (params[j].field.view() == field)
                return make_error(ErrorCode::invalid_arg, ErrorDomain::none,
                                  "parameter '{}' occurs multiple times", field);
    }
    for (const protocol::typed_param& param : params) *setting_of(param)->value = param.value.ui;
    return {};
}

} // namespace polyvirt::dispatch::admin_support
