// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Sets of processors, as documents and as the wire's bit maps have them.

#include <cstdint>
#include <vector>

#include "sdk/xml/types.h"

namespace polyvirt::sdk {

// Bit n of the map is processor n; `cpus` of them.
inline std::vector<std::uint8_t> to_map(const xml::CpuSet& set, std::uint32_t cpus) {
    std::vector<std::uint8_t> map((cpus + 7) / 8, 0);
    for (std::uint32_t i = 0; i < cpus; ++i)
        if (set.contains(i)) map[i / 8] = static_cast<std::uint8_t>(map[i / 8] | 1U << (i % 8));
    return map;
}
inline std::vector<std::uint8_t> whole_map(std::uint32_t cpus) {
    xml::CpuSet all;
    if (cpus > 0) all.ranges.emplace_back(0, cpus - 1);
    return to_map(all, cpus);
}
// Processors beyond `cpus` are ignored; the set may be empty.
inline xml::CpuSet from_map(const std::uint8_t* map, std::uint32_t length, std::uint32_t cpus) {
    xml::CpuSet set;
    for (std::uint32_t i = 0; i < cpus && i / 8 < length; ++i) {
        if ((map[i / 8] >> (i % 8) & 1) == 0) continue;
        if (!set.ranges.empty() && set.ranges.back().second + 1 == i) set.ranges.back().second = i;
        else set.ranges.emplace_back(i, i);
    }
    return set;
}

} // namespace polyvirt::sdk
