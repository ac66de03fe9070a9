// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "hostdev/memory_lock.h"

#include <algorithm>
#include <cerrno>

#include <sys/resource.h>
#include <unistd.h>

#include "base/error_text.h"
#include "hostdev/functions.h"

namespace polyvirt::qemu {
namespace {

constexpr std::uint64_t kRegistersKib = std::uint64_t{1} << 20; // of the devices themselves, as the peer counts

bool uses_vfio(const sdk::domain::Hostdev& h) { return h.mode == "subsystem" && (h.type == "pci" || h.type == "mdev"); }

} // namespace

std::uint64_t memory_to_lock(const sdk::domain::Domain& d) {
    const auto& v = d.devices;
    const auto vfio = static_cast<std::uint64_t>(std::count_if(v.hostdevs.begin(), v.hostdevs.end(), uses_vfio) +
                                                 std::count_if(v.interfaces.begin(), v.interfaces.end(), is_function));
    const bool locked = d.memory_backing && d.memory_backing->locked;
    if (vfio == 0 && !locked) return 0;
    if (d.memtune && d.memtune->hard_limit) return *d.memtune->hard_limit * 1024;
    if (locked) return UINT64_MAX; // what the emulator needs for itself cannot be told
    // Behind an IOMMU of the guest each device has a view of the memory of its own, and all of it is locked once for each.
    const std::uint64_t views = d.devices.iommu ? vfio : 1;
    return (views * d.memory.value_or(0) + kRegistersKib) * 1024;
}

Status raise_memory_lock(std::int64_t pid, std::uint64_t bytes) {
    if (bytes == 0 || ::geteuid() != 0) return {};
    rlimit limit{};
    const auto process = static_cast<pid_t>(pid);
    if (::prlimit(process, RLIMIT_MEMLOCK, nullptr, &limit) == 0 && (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= bytes)) return {};
    limit.rlim_cur = limit.rlim_max = bytes == UINT64_MAX ? RLIM_INFINITY : bytes;
    if (::prlimit(process, RLIMIT_MEMLOCK, &limit, nullptr) == 0) return {};
    return make_system_error(errno, ErrorDomain::none, fmt::format("cannot limit locked memory of process {} to {}", pid, bytes));
}

} // namespace polyvirt::qemu
