// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Authentication: what is answered before there is a connection.

#include "base/error_text.h"
#include "host/dispatch/dispatcher.h"
#include "host/dispatch/host_table.h"
#include "host/dispatch/wire_objects.h"
#include "host/protocol/gen/constants.h"
#include "host/protocol/gen/remote.h"

namespace polyvirt::dispatch {
namespace {

namespace remote = protocol::remote;

Status auth_list(WireCall& call, const Nothing&, remote::auth_list_ret& ret) {
    // Unix sockets have their modes; further methods come with the listeners that need them.
    const std::span<std::int32_t> types = call.arena().make_array<std::int32_t>(1);
    types[0] = protocol::auth_type_none;
    ret.types = types;
    return {};
}

template <typename Args, typename Ret, Status (*F)(WireCall&, const Args&, Ret&)>
constexpr HostAnswer entry(remote::Proc proc) {
    return {remote::kProgram, static_cast<std::int32_t>(proc), &typed<Args, Ret, F>};
}

constexpr HostAnswer kAnswers[] = {
    entry<Nothing, remote::auth_list_ret, &auth_list>(remote::Proc::auth_list),
};

} // namespace

std::span<const HostAnswer> connect_answers() { return kAnswers; }

} // namespace polyvirt::dispatch
