// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/known_uris.h"

#include <string>

#include <gtest/gtest.h>

namespace polyvirt::plugin {
namespace {

TEST(KnownUris, what_was_found_is_found_again) {
    KnownUris known;
    EXPECT_EQ(known.find("qemu:///system"), nullptr);
    known.remember("qemu:///system", {"qemu/system", 3});
    known.remember("", {"qemu/system", 3});
    ASSERT_NE(known.find("qemu:///system"), nullptr);
    EXPECT_EQ(known.find("qemu:///system")->slot, "qemu/system");
    EXPECT_EQ(known.find("qemu:///system")->order, 3U);
    EXPECT_NE(known.find(""), nullptr);
    EXPECT_EQ(known.find("qemu:///systemd"), nullptr);
    known.remember("qemu:///system", {"qemu/system", 4});
    EXPECT_EQ(known.find("qemu:///system")->order, 4U);
    EXPECT_EQ(known.size(), 2U);
    known.clear();
    EXPECT_EQ(known.find("qemu:///system"), nullptr);
}

TEST(KnownUris, the_one_not_asked_for_longest_makes_room) {
    KnownUris known;
    known.remember("qemu:///system", {"qemu/system", 1});
    for (std::size_t i = 0; i < 10 * KnownUris::kMost; ++i) {
        known.remember("qemu:///system?n=" + std::to_string(i), {"qemu/system", 1});
        ASSERT_NE(known.find("qemu:///system"), nullptr) << i;
        ASSERT_LE(known.size(), KnownUris::kMost);
    }
    EXPECT_EQ(known.find("qemu:///system?n=0"), nullptr);
}

TEST(KnownUris, long_ones_are_not_kept) {
    KnownUris known;
    known.remember(std::string(KnownUris::kLongestUri, 'x'), {"a", 1});
    known.remember(std::string(KnownUris::kLongestUri + 1, 'x'), {"a", 1});
    EXPECT_EQ(known.size(), 1U);
    EXPECT_EQ(known.find(std::string(KnownUris::kLongestUri + 1, 'x')), nullptr);
}

} // namespace
} // namespace polyvirt::plugin
