// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Fields of all-domain-stats by what they tell: what a driver knows of a guest's memory, processors and disks goes in here,
// and comes out under the names that clients know, in the order of the peer. What is not known is left out. Any thread.

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "sdk/params.h"

namespace polyvirt::sdk {

// PV_DOMAIN_MEMORY_STAT_* with their values, as memory_stats has them.
using MemoryFigures = std::vector<std::pair<std::int32_t, std::uint64_t>>;
// Those that the balloon's group has.
void put_balloon_fields(const ParamWriter& w, const MemoryFigures& figures);

// ns
struct VcpuFields {
    std::uint64_t time = 0, wait = 0, delay = 0;
};
// One that runs.
void put_vcpu_fields(const ParamWriter& w, std::uint32_t vcpu, const VcpuFields& figures);

// Of a disk's image. Bytes, ns.
struct BlockFields {
    std::string_view name, path; // empty path: none
    std::uint32_t backing_index = 0; // 0: none
    std::optional<std::uint64_t> rd_reqs{}, rd_bytes{}, rd_times{}, wr_reqs{}, wr_bytes{}, wr_times{}, fl_reqs{}, fl_times{};
    std::optional<std::uint64_t> allocation{}, capacity{}, physical{}, threshold{};
};
void put_block_fields(const ParamWriter& w, std::size_t n, const BlockFields& figures);

} // namespace polyvirt::sdk
