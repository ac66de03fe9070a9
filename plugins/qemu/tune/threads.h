// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Threads: which of the host's threads run a guest's virtual processors and its I/O threads. The emulator is asked when the
// guest starts, when this daemon finds it again and after each change, so that questions need no monitor.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "monitor/monitor.h"

namespace polyvirt::qemu {

struct VcpuThread {
    std::uint32_t vcpu = 0;
    std::int64_t tid = 0;
    std::string alias; // of one that was plugged in: the device's
};
struct IoThreadThread {
    std::uint32_t id = 0;
    std::int64_t tid = 0;
    std::uint64_t poll_max = 0, poll_grow = 0, poll_shrink = 0; // ns; factors
};
struct Threads {
    std::vector<VcpuThread> vcpus;         // in their order
    std::vector<IoThreadThread> iothreads; // in the emulator's

    [[nodiscard]] const VcpuThread* vcpu(std::uint32_t number) const;
    [[nodiscard]] const IoThreadThread* iothread(std::uint32_t id) const;
};
using ThreadsPtr = std::shared_ptr<const Threads>;

// A processor that the board has a place for.
struct VcpuPlace {
    std::uint32_t vcpu = 0, count = 1; // its first one, and how many there are in it
    std::string type;                  // of the device
    Json props;
    std::string path; // QOM; empty: free
};

// Replies of the emulator: query-cpus-fast, query-iothreads, query-hotpluggable-cpus. What makes no sense is an
// internal_error.
Result<std::vector<VcpuThread>> read_vcpu_threads(const Json& reply);
Result<std::vector<IoThreadThread>> read_iothreads(const Json& reply);
Result<std::vector<VcpuPlace>> read_places(const Json& reply);

} // namespace polyvirt::qemu
