// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/stats_fields.h"

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/abi/gen/params.h>

namespace polyvirt::sdk {

void put_balloon_fields(const ParamWriter& w, const MemoryFigures& figures) {
    constexpr std::pair<std::int32_t, const char*> kNames[] = {
        {PV_DOMAIN_MEMORY_STAT_SWAP_IN, PV_DOMAIN_STATS_BALLOON_SWAP_IN},
        {PV_DOMAIN_MEMORY_STAT_SWAP_OUT, PV_DOMAIN_STATS_BALLOON_SWAP_OUT},
        {PV_DOMAIN_MEMORY_STAT_MAJOR_FAULT, PV_DOMAIN_STATS_BALLOON_MAJOR_FAULT},
        {PV_DOMAIN_MEMORY_STAT_MINOR_FAULT, PV_DOMAIN_STATS_BALLOON_MINOR_FAULT},
        {PV_DOMAIN_MEMORY_STAT_UNUSED, PV_DOMAIN_STATS_BALLOON_UNUSED},
        {PV_DOMAIN_MEMORY_STAT_AVAILABLE, PV_DOMAIN_STATS_BALLOON_AVAILABLE},
        {PV_DOMAIN_MEMORY_STAT_USABLE, PV_DOMAIN_STATS_BALLOON_USABLE},
        {PV_DOMAIN_MEMORY_STAT_LAST_UPDATE, PV_DOMAIN_STATS_BALLOON_LAST_UPDATE},
        {PV_DOMAIN_MEMORY_STAT_DISK_CACHES, PV_DOMAIN_STATS_BALLOON_DISK_CACHES},
        {PV_DOMAIN_MEMORY_STAT_HUGETLB_PGALLOC, PV_DOMAIN_STATS_BALLOON_HUGETLB_PGALLOC},
        {PV_DOMAIN_MEMORY_STAT_HUGETLB_PGFAIL, PV_DOMAIN_STATS_BALLOON_HUGETLB_PGFAIL},
        {PV_DOMAIN_MEMORY_STAT_RSS, PV_DOMAIN_STATS_BALLOON_RSS}};
    for (const auto& [tag, value] : figures)
        for (const auto& [known, name] : kNames)
            if (known == tag) w.put(name, value);
}

void put_vcpu_fields(const ParamWriter& w, std::uint32_t vcpu, const VcpuFields& f) {
    const std::string prefix = fmt::format("{}{}", PV_DOMAIN_STATS_VCPU_PREFIX, vcpu);
    w.put(prefix + PV_DOMAIN_STATS_VCPU_SUFFIX_STATE, std::int32_t{PV_VCPU_RUNNING});
    w.put(prefix + PV_DOMAIN_STATS_VCPU_SUFFIX_TIME, f.time);
    w.put(prefix + PV_DOMAIN_STATS_VCPU_SUFFIX_WAIT, f.wait);
    w.put(prefix + PV_DOMAIN_STATS_VCPU_SUFFIX_DELAY, f.delay);
}

void put_block_fields(const ParamWriter& w, std::size_t n, const BlockFields& f) {
    constexpr std::pair<const char*, std::optional<std::uint64_t> BlockFields::*> kRows[] = {
        {PV_DOMAIN_STATS_BLOCK_SUFFIX_RD_REQS, &BlockFields::rd_reqs},
        {PV_DOMAIN_STATS_BLOCK_SUFFIX_RD_BYTES, &BlockFields::rd_bytes},
        {PV_DOMAIN_STATS_BLOCK_SUFFIX_RD_TIMES, &BlockFields::rd_times},
        {PV_DOMAIN_STATS_BLOCK_SUFFIX_WR_REQS, &BlockFields::wr_reqs},
        {PV_DOMAIN_STATS_BLOCK_SUFFIX_WR_BYTES, &BlockFields::wr_bytes},
        {PV_DOMAIN_STATS_BLOCK_SUFFIX_WR_TIMES, &BlockFields::wr_times},
        {PV_DOMAIN_STATS_BLOCK_SUFFIX_FL_REQS, &BlockFields::fl_reqs},
        {PV_DOMAIN_STATS_BLOCK_SUFFIX_FL_TIMES, &BlockFields::fl_times},
        {PV_DOMAIN_STATS_BLOCK_SUFFIX_ALLOCATION, &BlockFields::allocation},
        {PV_DOMAIN_STATS_BLOCK_SUFFIX_CAPACITY, &BlockFields::capacity},
        {PV_DOMAIN_STATS_BLOCK_SUFFIX_PHYSICAL, &BlockFields::physical},
        {PV_DOMAIN_STATS_BLOCK_SUFFIX_THRESHOLD, &BlockFields::threshold}};
    const std::string prefix = fmt::format("{}{}", PV_DOMAIN_STATS_BLOCK_PREFIX, n);
    w.put(prefix + PV_DOMAIN_STATS_BLOCK_SUFFIX_NAME, f.name);
    if (!f.path.empty()) w.put(prefix + PV_DOMAIN_STATS_BLOCK_SUFFIX_PATH, f.path);
    if (f.backing_index != 0) w.put(prefix + PV_DOMAIN_STATS_BLOCK_SUFFIX_BACKINGINDEX, f.backing_index);
    for (const auto& [suffix, member] : kRows)
        if (f.*member) w.put(prefix + suffix, *(f.*member));
}

} // namespace polyvirt::sdk
