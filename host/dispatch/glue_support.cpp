// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/glue_support.h"

#include "base/error_text.h"
#include "host/protocol/gen/constants.h"

namespace polyvirt::dispatch::glue {

bool check_conditional(WireCall& call, std::uint32_t value) {
    return call.check_readonly(call.proc().readonly_when.holds(value));
}

bool take_arguments(WireCall& call, const void* args) {
    Status allowed = call.access().take_arguments(args);
    if (!allowed) call.set_error(std::move(allowed).error());
    return !call.has_error();
}

void take_destination(WireCall& call, std::span<const protocol::typed_param> params) {
    for (const protocol::typed_param& p : params) {
        if (p.value.tag != PV_PARAM_STRING) continue;
        if (p.field.view() == protocol::VIR_MIGRATE_PARAM_DEST_NAME) call.access().take_name(p.value.s);
        if (p.field.view() == protocol::VIR_MIGRATE_PARAM_DEST_XML) call.access().take_document(p.value.s);
    }
}

bool take_limit(WireCall& call, std::int64_t value, std::uint32_t limit, ErrorCode code, std::string_view text,
                std::uint32_t& to) {
    if (value < 0 && code == ErrorCode::rpc) { // the text begins with the argument's name
        call.set_error(make_error(code, ErrorDomain::rpc, "{} must be non-negative", text.substr(0, text.find(' '))));
        return false;
    }
    if (value < 0 || value > limit) {
        call.set_error(make_error(code, ErrorDomain::rpc, "{}", text));
        return false;
    }
    to = static_cast<std::uint32_t>(value);
    return true;
}

void take_strings(WireCall& call, std::span<const Str> from, const char* const*& to, std::uint32_t& n) {
    const std::span<const char*> list = call.arena().make_array<const char*>(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) list[i] = from[i].data;
    to = list.data();
    n = static_cast<std::uint32_t>(list.size());
}

void take_params(WireCall& call, std::span<const protocol::typed_param> from, const pv_param*& to, std::uint32_t& n) {
    const std::span<pv_param> list = call.arena().make_array<pv_param>(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
        const protocol::typed_value& v = from[i].value;
        list[i].field = from[i].field.data;
        list[i].type = v.tag;
        switch (v.tag) { // the decoder lets no other tag through
        case PV_PARAM_INT: list[i].v.i = v.i; break;
        case PV_PARAM_UINT: list[i].v.ui = v.ui; break;
        case PV_PARAM_LLONG: list[i].v.l = v.l; break;
        case PV_PARAM_ULLONG: list[i].v.ul = v.ul; break;
        case PV_PARAM_DOUBLE: list[i].v.d = v.d; break;
        case PV_PARAM_BOOLEAN: list[i].v.b = v.b != 0 ? 1 : 0; break;
        case PV_PARAM_STRING: list[i].v.s = v.s.data; break;
        default: break;
        }
    }
    to = list.data();
    n = static_cast<std::uint32_t>(list.size());
}

bool take_fds(WireCall& call, bool exactly_one, const std::int32_t*& to, std::uint32_t& n) {
    const auto& fds = call.fds_in;
    if (exactly_one && fds.size() != 1) {
        call.set_error(make_error(ErrorCode::invalid_arg, ErrorDomain::rpc,
                                  "{} takes exactly one file descriptor, {} came with the call", call.proc().name,
                                  fds.size()));
        return false;
    }
    const std::span<std::int32_t> list = call.arena().make_array<std::int32_t>(fds.size());
    for (std::size_t i = 0; i < fds.size(); ++i) list[i] = fds[i].get();
    to = list.data();
    n = static_cast<std::uint32_t>(list.size());
    return true;
}

void ParamList::add(const char* field, const Str& text) {
    if (!text.present()) return;
    pv_param& p = list_[used_++];
    p.field = field;
    p.type = PV_PARAM_STRING;
    p.v.s = text.data;
}

void ParamList::add(const char* field, std::uint64_t number) {
    if (number == 0) return;
    pv_param& p = list_[used_++];
    p.field = field;
    p.type = PV_PARAM_ULLONG;
    p.v.ul = number;
}

bool fits(WireCall& call, std::size_t found, std::size_t limit, bool failed, const char* what) {
    if (found <= limit && !failed) return true;
    call.set_error(make_error(ErrorCode::internal_error, ErrorDomain::rpc, "Too many {} '{}' for limit '{}'", what,
                              found, limit));
    return false;
}

std::span<const Str> strings_of(WireCall& call, const char* const* from, std::uint32_t n) {
    const std::span<Str> list = call.arena().make_array<Str>(n);
    for (std::uint32_t i = 0; i < n; ++i) list[i] = text_of(from[i]);
    return list;
}

bool strings_of(WireCall& call, const pv_strings& from, std::size_t take, std::uint32_t limit, const char* what,
                std::span<const Str>& to) {
    const std::size_t n = std::min(take, from.list.size());
    if (!fits(call, n, limit, from.failed, what)) return false;
    const std::span<Str> list = call.arena().make_array<Str>(n);
    for (std::size_t i = 0; i < n; ++i) list[i] = protocol::to_str(from.list[i]);
    to = list;
    return true;
}

std::uint32_t count_params(const pv_params& from, bool strings) {
    return static_cast<std::uint32_t>(std::count_if(from.list.begin(), from.list.end(), [&](const auto& p) {
        return strings || p.value.type != PV_PARAM_STRING;
    }));
}

namespace {

protocol::typed_param to_wire_param(const pv_params::Param& from) {
    protocol::typed_param to{};
    to.field = protocol::to_str(from.field);
    to.value.tag = from.value.type;
    switch (from.value.type) {
    case PV_PARAM_INT: to.value.i = from.value.v.i; break;
    case PV_PARAM_UINT: to.value.ui = from.value.v.ui; break;
    case PV_PARAM_LLONG: to.value.l = from.value.v.l; break;
    case PV_PARAM_ULLONG: to.value.ul = from.value.v.ul; break;
    case PV_PARAM_DOUBLE: to.value.d = from.value.v.d; break;
    case PV_PARAM_BOOLEAN: to.value.b = from.value.v.b; break;
    case PV_PARAM_STRING: to.value.s = protocol::to_str(from.text); break;
    default: break; // host.build/1 takes no other
    }
    return to;
}

} // namespace

bool params_of(WireCall& call, const pv_params& from, bool strings, std::size_t take, std::uint32_t limit,
               const char* what, std::span<const protocol::typed_param>& to) {
    const std::size_t n = std::min<std::size_t>(take, count_params(from, strings));
    if (!fits(call, n, limit, from.failed, what)) return false;
    const std::span<protocol::typed_param> list = call.arena().make_array<protocol::typed_param>(n);
    std::size_t used = 0;
    for (const auto& p : from.list) {
        if (used == n) break;
        if (strings || p.value.type != PV_PARAM_STRING) list[used++] = to_wire_param(p);
    }
    to = list;
    return true;
}

void target_of(WireCall& call, protocol::domain& to) {
    const pv_obj& target = *call.target();
    if (const plugin::ObjectPtr now = call.object(target.handle)) {
        to = to_wire<protocol::domain>(call, *now);
        return;
    }
    to.name = text_of(target.name);
    std::memcpy(to.uuid.data(), target.uuid, to.uuid.size());
    to.id = -1;
}

} // namespace polyvirt::dispatch::glue
