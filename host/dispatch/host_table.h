// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The procedures that the host answers itself, and the wrapper that lets each be a plain function of
// its decoded arguments and its result.
//
//     Status connect_open(WireCall& call, const remote::connect_open_args& args, Nothing&);
//     {kRemote, 1, &typed<remote::connect_open_args, Nothing, &connect_open>}

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

// One table per file of answers.
std::span<const HostAnswer> connect_answers();
std::span<const HostAnswer> domain_answers();
std::span<const HostAnswer> event_answers();
std::span<const HostAnswer> node_answers();
std::span<const HostAnswer> admin_answers();
std::span<const HostAnswer> admin_server_answers();
std::span<const HostAnswer> polyvirt_answers();

} // namespace polyvirt::dispatch
