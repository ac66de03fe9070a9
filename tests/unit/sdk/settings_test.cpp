// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/settings.h"

#include <gtest/gtest.h>

namespace polyvirt::sdk {
namespace {

TEST(Settings, durations_have_a_unit) {
    EXPECT_EQ(duration_of("500ms"), 500'000'000);
    EXPECT_EQ(duration_of("30s"), 30'000'000'000);
    EXPECT_EQ(duration_of("5min"), 300'000'000'000);
    EXPECT_EQ(duration_of("1h"), 3'600'000'000'000);
    for (const char* wrong : {"", "5", "s", "-1s", "5 s", "99999999999999999999s", "5days"}) EXPECT_EQ(duration_of(wrong), std::nullopt) << wrong;
}

} // namespace
} // namespace polyvirt::sdk
