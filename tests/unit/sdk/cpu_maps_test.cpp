// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/cpu_maps.h"

#include <gtest/gtest.h>

namespace polyvirt::sdk {
namespace {

TEST(CpuMaps, go_there_and_back) {
    const auto set = xml::CpuSet::parse("0-2,9,15");
    ASSERT_TRUE(set);
    const auto map = to_map(*set, 16);
    EXPECT_EQ(map, (std::vector<std::uint8_t>{0x07, 0x82}));
    EXPECT_EQ(from_map(map.data(), static_cast<std::uint32_t>(map.size()), 16), *set);
}

TEST(CpuMaps, beyond_the_host_nothing_counts) {
    const std::uint8_t map[] = {0x00, 0xff};
    EXPECT_TRUE(from_map(map, 2, 8).empty());
    EXPECT_TRUE(from_map(nullptr, 0, 8).empty());
    EXPECT_EQ(whole_map(9), (std::vector<std::uint8_t>{0xff, 0x01}));
}

} // namespace
} // namespace polyvirt::sdk
