// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The figures of an imaginary guest: functions of the host's clock, so that two readings differ as real ones do.

#include <cstdint>
#include <vector>

#include "domains.h"
#include "sdk/stats_fields.h"

namespace polyvirt::test {

inline constexpr std::uint64_t kDiskBytes = std::uint64_t{1} << 40;
inline constexpr std::uint64_t kDiskCapacity = kDiskBytes - 5'177'344; // what the peer's disks are said to hold

struct BlockFigures {
    std::int64_t rd_reqs, rd_bytes, wr_reqs, wr_bytes, errors;
};
struct InterfaceFigures {
    std::int64_t rx_bytes, rx_packets, rx_errs, rx_drop, tx_bytes, tx_packets, tx_errs, tx_drop;
};

sdk::MemoryFigures memory_figures(const Domain& domain);
BlockFigures block_figures(std::int64_t now_ns);
InterfaceFigures interface_figures(std::int64_t now_ns);
std::uint32_t vcpus_of(const Domain& domain);
std::uint64_t capacity_of(const Inside& inside, const std::string& target);

// One domain's groups of figures (PV_DOMAIN_STATS_* bits; 0: all). Takes the guest's lock.
void put_stats(Driver& driver, const GuestPtr& guest, std::uint32_t groups, pv_groups* to);

} // namespace polyvirt::test
