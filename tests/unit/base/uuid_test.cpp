// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "base/uuid.h"

#include <set>
#include <unordered_set>

#include <gtest/gtest.h>

namespace polyvirt {
namespace {

constexpr const char* kText = "c7a5fdbd-edaf-9455-926a-d65c16db1809";

TEST(Uuid, text_goes_both_ways) {
    const auto u = Uuid::parse(kText);
    ASSERT_TRUE(u);
    EXPECT_EQ(u->to_string(), kText);
    EXPECT_EQ(u->bytes[0], 0xc7);
    EXPECT_EQ(u->bytes[15], 0x09);
    EXPECT_EQ(Uuid::from_bytes(u->bytes.data()), *u);
}

TEST(Uuid, accepts_what_users_write) {
    for (const char* text :
         {"C7A5FDBD-EDAF-9455-926A-D65C16DB1809", "c7a5fdbdedaf9455926ad65c16db1809",
          " c7a5fdbd-edaf-9455-926a-d65c16db1809\n", "c7-a5-fdbd-edaf9455926ad65c16db1809"})
        EXPECT_EQ(Uuid::parse(text), Uuid::parse(kText)) << text;
}

TEST(Uuid, refuses_what_is_none) {
    for (const char* text :
         {"", "-", "c7a5fdbd-edaf-9455-926a-d65c16db180", "c7a5fdbd-edaf-9455-926a-d65c16db18099",
          "c7a5fdbd-edaf-9455-926a-d65c16db180g", "c-7a5fdbdedaf9455926ad65c16db1809",
          "c7a5fdbd_edaf_9455_926a_d65c16db1809", "{c7a5fdbd-edaf-9455-926a-d65c16db1809}"})
        EXPECT_FALSE(Uuid::parse(text)) << text;
}

TEST(Uuid, random_ones_are_version_4_and_differ) {
    std::unordered_set<Uuid, UuidHash> seen;
    for (int i = 0; i < 1000; ++i) {
        const Uuid u = Uuid::random();
        EXPECT_EQ(u.bytes[6] >> 4, 4);
        EXPECT_EQ(u.bytes[8] >> 6, 2);
        EXPECT_FALSE(u.is_nil());
        EXPECT_TRUE(seen.insert(u).second);
    }
    EXPECT_TRUE(Uuid{}.is_nil());
}

TEST(Uuid, the_hash_spreads_those_that_differ_in_one_byte) {
    std::set<std::size_t> hashes;
    for (std::size_t byte = 0; byte < 16; ++byte)
        for (int value = 1; value < 256; ++value) {
            Uuid u;
            u.bytes[byte] = static_cast<std::uint8_t>(value);
            hashes.insert(UuidHash{}(u));
        }
    EXPECT_EQ(hashes.size(), 16U * 255U);
}

} // namespace
} // namespace polyvirt
