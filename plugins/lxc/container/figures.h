// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What a container has used, as its control groups count it. Files of the kernel; workers.

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "sdk/cgroup/cgroup.h"

namespace polyvirt::lxc {

// KiB. Error: no control group of memory.
Result<std::uint64_t> memory_used(const sdk::cgroup::Group& group);
// Of swap, too; KiB.
std::optional<std::uint64_t> swap_used(const sdk::cgroup::Group& group);

struct BlockFigures {
    std::int64_t read_requests = 0, read_bytes = 0, write_requests = 0, write_bytes = 0;
};
// Of one device ("MAJOR:MINOR"), or of all (empty).
Result<BlockFigures> block_figures(const sdk::cgroup::Group& group, const std::string& device);

} // namespace polyvirt::lxc
