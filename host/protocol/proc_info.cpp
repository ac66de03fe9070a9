// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/protocol/proc_info.h"

namespace polyvirt::protocol {

const ProcInfo* find_proc(std::uint32_t program, std::int32_t proc) {
    const std::span<const ProcInfo> all = procs(program);
    // Numbers run from 1 without gaps (a test holds the tables to it).
    if (proc < 1 || static_cast<std::size_t>(proc) > all.size()) return nullptr;
    return &all[static_cast<std::size_t>(proc) - 1];
}

} // namespace polyvirt::protocol
