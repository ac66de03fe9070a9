// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Leases, bridges' names, what a port gets.
#include <gtest/gtest.h>

#include "allocate.h"
#include "bridges.h"
#include "leases.h"

namespace polyvirt::network {
namespace {

TEST(Leases, are_read_line_by_line_and_garbage_is_passed_over) {
    const auto leases = parse_leases("2000 52:54:00:00:00:01 10.0.0.5 one 01:52:54:00:00:00:01\n"
                                     "500 52:54:00:00:00:02 10.0.0.6 old *\n"
                                     "0 52:54:00:00:00:03 10.0.0.7 * *\n"
                                     "rubbish\n\nx y z\n2000 no-mac 10.0.0.8 * *\n"
                                     "duid 00:01:02\n2000 1234 fd00::5 six 00:03:04\n2000 52:54",
                                     1000);
    ASSERT_EQ(leases.size(), 3U);
    EXPECT_EQ(leases[0].address.to_string() + " " + leases[0].host_name + " " + leases[0].client_id,
              "10.0.0.5 one 01:52:54:00:00:00:01");
    EXPECT_EQ(leases[1].expiry, 0);
    EXPECT_EQ(leases[1].host_name + leases[1].client_id, "");
    EXPECT_FALSE(leases[2].mac);
    const auto with_mac = parse_leases(
        "0 7 fd00::6 * 00:01:00:01:2a:00:00:01:52:54:00:00:00:07\n0 8 fd00::7 * 00:03:00:01:52:54:00:00:00:08\n", 0);
    EXPECT_EQ(with_mac[0].mac->to_string() + " " + with_mac[1].mac->to_string(), "52:54:00:00:00:07 52:54:00:00:00:08");
    EXPECT_EQ(leases[2].iaid + " " + leases[2].address.to_string(), "1234 fd00::5");
}

TEST(Bridges, names_belong_to_one_network_at_a_time) {
    Bridges bridges;
    const Uuid one = Uuid::random(), two = Uuid::random();
    EXPECT_EQ(*bridges.claim(one, "", {"virbr0"}), "virbr1");
    EXPECT_EQ(*bridges.claim(two, "", {}), "virbr0");
    EXPECT_EQ(*bridges.claim(two, "net%d", {}), "net0");
    EXPECT_FALSE(bridges.claim(two, "virbr1", {}));
    EXPECT_TRUE(bridges.claim(one, "virbr1", {}));
    bridges.keep(one, {});
    EXPECT_TRUE(bridges.claim(two, "virbr1", {}));
}

sdk::network::Port port_of(const std::string& inner) {
    const std::string owner = "<owner><name>g</name><uuid>7b0b2e3b-6c1a-4f3f-9d3a-0c6a4b3f2e10</uuid></owner><mac "
                              "address='52:54:00:00:00:01'/>";
    auto port = sdk::network::parse_port("<networkport>" + owner + inner + "</networkport>");
    EXPECT_TRUE(port) << port.error().message;
    return std::move(port->value);
}
sdk::network::Network network_of(const std::string& inner) {
    auto network = sdk::network::parse_network("<network><name>n</name>" + inner + "</network>");
    EXPECT_TRUE(network) << network.error().message;
    return std::move(network->value);
}

TEST(Allocate, a_port_gets_the_networks_bridge_and_its_groups_rates) {
    const auto network = network_of("<bridge name='br7'/><port isolated='yes'/><portgroup name='usual' "
                                    "default='yes'><bandwidth><inbound average='5'/></bandwidth></portgroup>"
                                    "<portgroup name='fast'><bandwidth><inbound average='9'/></bandwidth></portgroup>");
    auto port = port_of("<group>fast</group>");
    ASSERT_TRUE(allocate(port, network, {}));
    EXPECT_EQ(port.plug->bridge, "br7");
    EXPECT_EQ(port.plug->type, sdk::network::PlugType::network);
    EXPECT_EQ(port.bandwidth->inbound->average, 9U);
    EXPECT_EQ(port.isolated, sdk::xml::YesNo::yes);
    auto other = port_of("");
    ASSERT_TRUE(allocate(other, network, {}));
    EXPECT_EQ(other.group, "usual");
    auto none = port_of("<group>nosuch</group>");
    EXPECT_FALSE(allocate(none, network, {}));
}

TEST(Allocate, the_hosts_own_bridges_are_told_from_ours) {
    auto port = port_of("");
    ASSERT_TRUE(allocate(port, network_of("<forward mode='bridge'/><bridge name='br0'/>"), {}));
    EXPECT_EQ(port.plug->type, sdk::network::PlugType::bridge);
}

TEST(Allocate, devices_are_used_in_turn_or_alone) {
    const std::string two = "<interface dev='eth8'/><interface dev='eth9'/></forward>";
    auto port = port_of("");
    ASSERT_TRUE(allocate(port, network_of("<forward mode='private'>" + two), {{"eth8", 2}, {"eth9", 1}}));
    EXPECT_EQ(port.plug->type, sdk::network::PlugType::direct);
    EXPECT_EQ(port.plug->mode, sdk::network::PlugMode::private_);
    EXPECT_EQ(port.plug->dev, "eth9");
    const auto alone = network_of("<forward mode='passthrough'>" + two);
    ASSERT_TRUE(allocate(port, alone, {{"eth8", 1}}));
    EXPECT_EQ(port.plug->dev, "eth9");
    EXPECT_FALSE(allocate(port, alone, {{"eth8", 1}, {"eth9", 1}}));
}

} // namespace
} // namespace polyvirt::network
