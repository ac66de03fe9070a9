// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the host's own answers about the machine share (node_defaults.cpp, node_changes.cpp). Workers alone.

#include <cstdint>
#include <string>

#include "base/result.h"
#include "host/dispatch/dispatcher.h"
#include "host/dispatch/host_table.h"
#include "host/dispatch/machine.h"

namespace polyvirt::dispatch {

// This machine, or the one that a test made of files.
inline Machine machine_of(WireCall& call) { return Machine(call.dispatcher().options().machine_root); }

// The peer's way to complain about one argument, which does not begin with "invalid argument".
Error bad_argument(std::string message, const char* function, const char* argument);
Status no_flags(std::uint32_t flags, const char* function);

// NUMA cells from `first` on, `count` at most. -1 stands for the whole machine where `whole` allows it.
struct Cells {
    int first, last;
};
Result<Cells> cells(const Machine& machine, std::int32_t first, std::uint32_t count, bool whole);

template <typename In, typename Out, Status (*Function)(WireCall&, const In&, Out&)> Status run(WireCall& call) {
    return Function(call, *static_cast<const In*>(call.in()), *static_cast<Out*>(call.out()));
}

// What changes the machine. Null: not such an op.
DefaultFn find_node_change(std::uint32_t op);

} // namespace polyvirt::dispatch
