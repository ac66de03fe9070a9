// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The procedures that the host answers itself. Nearly all are functions of values behind generated code
// (docs/host-answers.md); for the rest, the wrapper that lets each be a plain function of its decoded arguments
// and its result.
//
//     Status auth_list(WireCall& call, const Nothing&, remote::auth_list_ret& ret);
//     {remote::kProgram, 66, &typed<Nothing, remote::auth_list_ret, &auth_list>}

#include <cstdint>
#include <span>
#include <type_traits>

#include "base/result.h"
#include "host/dispatch/errors.h"
#include "host/dispatch/wire_call.h"
#include "host/protocol/xdr.h"

namespace polyvirt::dispatch {

// Arguments or result of procedures that have none.
struct Nothing {};
inline bool decode(protocol::Decoder&, Nothing&) { return true; }
inline void encode(protocol::Encoder&, const Nothing&) {}

template <typename Args, typename Ret, Status (*Function)(WireCall&, const Args&, Ret&)>
Status typed(WireCall& call, protocol::Decoder& decoder, protocol::Encoder& encoder) {
    Args args{};
    if (!decode(decoder, args)) return bad_payload();
    if constexpr (!std::is_same_v<Args, Nothing>) PV_TRY(call.access().take_arguments(&args));
    Ret ret{};
    PV_TRY(Function(call, args, ret));
    if (call.deferred()) return {};
    PV_TRY(call.access().check_rest(call.instance != nullptr ? &call.driver().registry() : nullptr));
    encode(encoder, ret);
    return {};
}

struct HostAnswer {
    std::uint32_t program;
    std::int32_t proc;
    HostFn function;
};

// Null: not answered by the host.
HostFn find_answer(std::uint32_t program, std::int32_t proc);

// Those that plugin-api/spec/host.yaml describes (gen/host_answers.cpp), and, by hand, what is of the daemon alone.
std::span<const HostAnswer> spec_answers();
std::span<const HostAnswer> auth_answers();
std::span<const HostAnswer> polkit_answers();
std::span<const HostAnswer> admin_answers();
std::span<const HostAnswer> admin_server_answers();
std::span<const HostAnswer> polyvirt_answers();

// What the host does where a driver lacks the op. Null: nothing.
DefaultFn find_default(std::uint32_t op);

} // namespace polyvirt::dispatch
