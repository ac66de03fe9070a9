// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// LongJob: what users may watch and end of a long change of a guest: saving, dumping, a backup. Held by the guest while
// it runs, and its figures afterwards. The host's job (PV_JOB_ASYNC) excludes others; this only tells.

#include <cstdint>
#include <functional>
#include <string>

#include <polyvirt/abi/gen/constants.h>

#include "base/result.h"

namespace polyvirt::qemu {

inline constexpr std::int64_t kNsPerMs = 1'000'000;

struct JobFigures {
    std::uint64_t memory_total = 0, memory_processed = 0, memory_remaining = 0; // bytes
    std::uint64_t disk_total = 0, disk_processed = 0, disk_remaining = 0;
    std::uint64_t memory_constant = 0, memory_normal = 0, memory_normal_bytes = 0, memory_bps = 0, memory_iteration = 0;
    std::uint64_t setup_ms = 0, downtime_ms = 0;
};

struct LongJob {
    std::int32_t operation = PV_DOMAIN_JOB_OPERATION_UNKNOWN;
    std::int32_t type = PV_DOMAIN_JOB_UNBOUNDED; // PV_DOMAIN_JOB_COMPLETED ... when it is over
    std::int64_t begun_ns = 0, elapsed_ns = 0;
    JobFigures figures;
    std::string error;
    bool aborted = false;
    // Asks it to end; returns at once. Under the guest's lock. Null: it cannot be ended.
    std::function<void()> abort;
};

} // namespace polyvirt::qemu
