// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The procedures that rpc-loop itself answers (Handler::answer_quickly): those whose answer is the host's and
// comes from memory in constant time, with no more than a leaf lock. A hand-over to a worker would cost several
// times what the answer does (docs/performance.md).

#include <cstdint>

#include "host/dispatch/glue.h"
#include "host/protocol/proc_info.h"

namespace polyvirt::dispatch {

struct Quick {
    const protocol::ProcInfo* proc = nullptr;
    HostFn function = nullptr;
    // Set where drivers may answer for themselves: one that does is asked on a worker.
    const Glue* glue = nullptr;
};

// Null: not one of them. O(1).
const Quick* find_quick(std::uint32_t program, std::int32_t proc);

} // namespace polyvirt::dispatch
