// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the kernel's scheduler is told of an emulator's threads, and says of them. System calls and files below /proc that
// never block; any thread.

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sdk/domain/tuning.h"

namespace polyvirt::qemu {

// How many processors the host has, offline ones included: the length of maps.
std::uint32_t host_cpus();
// Those that run: what a thread that is not pinned may use.
sdk::xml::CpuSet online_cpus();

// All of its threads, the main one included; empty where the process has gone.
std::vector<std::int64_t> threads_of(std::int64_t pid);

// An empty set: every processor that runs. Errors: system_error; a thread that has gone is none.
Status set_affinity(std::int64_t tid, const sdk::xml::CpuSet& set);
// Empty where it has gone.
sdk::xml::CpuSet affinity_of(std::int64_t tid);

// "fifo", "rr", "batch", "idle". Errors: system_error, config_unsupported.
Status set_scheduler(std::int64_t tid, const sdk::domain::Scheduler& scheduler);

} // namespace polyvirt::qemu
