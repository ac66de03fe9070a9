// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What a card is told of its virtual functions, and says of them, byte by byte.
#include "sdk/netlink/virtual_functions.h"

#include <initializer_list>

#include <gtest/gtest.h>

namespace polyvirt::sdk {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes(std::initializer_list<int> values) {
    Bytes out;
    for (const int v : values) out.push_back(static_cast<std::byte>(v));
    return out;
}
Bytes operator+(Bytes a, const Bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

const xml::Mac kMac = *xml::Mac::parse("52:54:00:01:02:03");

// Of function 3: its address, in a field of 32 bytes, and VLAN 42.
Bytes mac_attribute() { return bytes({40, 0, 1, 0, 3, 0, 0, 0, 0x52, 0x54, 0, 1, 2, 3}) + Bytes(26); }
Bytes vlan_attribute() { return bytes({16, 0, 2, 0, 3, 0, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0}); }

TEST(VirtualFunctions, are_set_up_at_their_card) {
    // The message; the link's number is 7; a list (22) of one description (1).
    const Bytes head = bytes({96, 0, 0, 0, 19, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0}) + bytes({0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    const Bytes list = bytes({64, 0, 22, 0, 60, 0, 1, 0});
    EXPECT_EQ(function_request(7, 3, {.mac = kMac, .vlan = 42}), head + list + mac_attribute() + vlan_attribute());
}

TEST(VirtualFunctions, are_read_from_what_their_card_says) {
    const Bytes head = bytes({0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) + Bytes(16);
    const Bytes name = bytes({9, 0, 3, 0, 'e', 't', 'h', '9', 0, 0, 0, 0});
    const Bytes answer = head + name + bytes({64, 0, 22, 0x80, 60, 0, 1, 0x80}) + mac_attribute() + vlan_attribute();
    const auto found = function_in(answer, 3);
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, (FunctionSetup{.mac = kMac, .vlan = 42}));
    EXPECT_FALSE(function_in(answer, 4));
    for (std::size_t cut = 0; cut < answer.size(); cut++) { // however much of it is there
        const auto part = function_in(Bytes(answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(cut)), 3);
        EXPECT_TRUE(!part || !part->vlan) << cut;
    }
}

} // namespace
} // namespace polyvirt::sdk
