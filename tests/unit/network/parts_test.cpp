// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Leases, bridges' names, what a port gets.
#include <filesystem>

#include <gtest/gtest.h>

#include "allocate.h"
#include "base/error_text.h"
#include "bridges.h"
#include "functions.h"
#include "leases.h"

namespace polyvirt::network {
namespace {

namespace fs = std::filesystem;

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

TEST(Allocate, a_port_of_before_keeps_its_device_while_it_can) {
    const std::string two = "<interface dev='eth8'/><interface dev='eth9'/></forward>";
    const auto alone = network_of("<forward mode='passthrough'>" + two);
    auto port = port_of("<plug type='direct' dev='eth9' mode='passthrough'/>");
    ASSERT_TRUE(allocate(port, alone, {}, true));
    EXPECT_EQ(port.plug->dev, "eth9");
    const Status taken = allocate(port, alone, {{"eth9", 1}}, true);
    ASSERT_FALSE(taken);
    EXPECT_NE(taken.error().message.find("claims dev='eth9' is already in use"), std::string::npos) << taken.error().message;
    EXPECT_TRUE(allocate(port, network_of("<forward mode='vepa'>" + two), {{"eth9", 3}}, true)) << "many can be on it";
    const Status gone = allocate(port, network_of("<forward mode='passthrough'><interface dev='eth8'/></forward>"), {}, true);
    ASSERT_FALSE(gone);
    EXPECT_NE(gone.error().message.find("doesn't have dev='eth9'"), std::string::npos) << gone.error().message;
    ASSERT_TRUE(allocate(port, alone, {}));
    EXPECT_EQ(port.plug->dev, "eth8") << "a new port is given what the network chooses";
}

TEST(Allocate, functions_are_given_to_one_port_each) {
    const auto network = network_of("<forward mode='hostdev' managed='yes'><driver name='vfio'/>"
                                    "<address type='pci' domain='0' bus='4' slot='0' function='1'/>"
                                    "<address type='pci' domain='0' bus='4' slot='0' function='2'/></forward>");
    auto port = port_of("");
    ASSERT_TRUE(allocate(port, network, {{"0000:04:00.1", 1}}));
    EXPECT_EQ(port.plug->type, sdk::network::PlugType::hostdev_pci);
    EXPECT_EQ(pci_name(*port.plug->address), "0000:04:00.2");
    EXPECT_EQ(port.plug->managed, sdk::xml::YesNo::yes);
    EXPECT_FALSE(allocate(port, network, {{"0000:04:00.1", 1}, {"0000:04:00.2", 1}}));
}

TEST(Allocate, virtual_ports_suit_what_the_port_is_plugged_into) {
    const std::string open = "<virtualport type='openvswitch'/>", vepa = "<virtualport type='802.1Qbg'>";
    const std::string bridge = "<forward mode='bridge'/><bridge name='br0'/>", direct = "<forward mode='vepa' dev='eth9'/>";
    auto port = port_of("");
    ASSERT_TRUE(allocate(port, network_of(bridge + open), {}));
    EXPECT_TRUE(port.virtual_port->parameters.interface_id);
    port = port_of("");
    ASSERT_TRUE(allocate(port, network_of(direct + vepa + "<parameters managerid='1' typeid='2' typeidversion='3'/></virtualport>"), {}));
    EXPECT_TRUE(port.virtual_port->parameters.instance_id);
    for (const auto& [document, message] : {std::pair<std::string, std::string>(direct + open, "uses a macvtap device"),
                                            {direct + vepa + "</virtualport>", "missing managerid"},
                                            {"<bridge name='br7'/>" + open, "uses IP forwarding"},
                                            {bridge + "<virtualport type='midonet'/>", "uses a bridge device"}}) {
        port = port_of("");
        const Status refused = allocate(port, network_of(document), {});
        ASSERT_FALSE(refused) << document;
        EXPECT_NE(refused.error().message.find(message), std::string::npos) << refused.error().message;
    }
}

class Cards : public ::testing::Test {
  protected:
    Cards() {
        std::string pattern = (fs::temp_directory_path() / "pvnet.XXXXXX").string();
        sysfs = ::mkdtemp(pattern.data());
        for (const char* name : {"0000:04:00.0", "0000:04:10.0", "0000:04:10.1"}) fs::create_directories(fs::path(devices()) / name);
        fs::create_directories(sysfs + "/class/net/eth9");
        fs::create_symlink(devices() + "/0000:04:00.0", sysfs + "/class/net/eth9/device");
        for (int i = 0; i < 2; ++i) {
            const std::string name = fmt::format("0000:04:10.{}", i);
            fs::create_symlink("../" + name, fmt::format("{}/0000:04:00.0/virtfn{}", devices(), i));
            fs::create_symlink("../0000:04:00.0", devices() + "/" + name + "/physfn");
        }
        fs::create_directories(devices() + "/0000:04:10.1/net/eth9v1"); // the first is a guest's
    }
    ~Cards() override { fs::remove_all(sysfs); }
    [[nodiscard]] std::string devices() const { return sysfs + "/bus/pci/devices"; }
    std::string sysfs;
};

TEST_F(Cards, have_virtual_functions_that_stand_for_them) {
    const auto whole = network_of("<forward mode='hostdev'><pf dev='eth9'/></forward>");
    const auto functions = find_functions(whole, sysfs);
    ASSERT_TRUE(functions) << functions.error().message;
    ASSERT_EQ(functions->addresses.size(), 2U);
    EXPECT_EQ(pci_name(functions->addresses[1].pci), "0000:04:10.1");
    EXPECT_EQ(with_functions(whole, *functions).forward->addresses.size(), 2U);
    const auto links = find_functions(network_of("<forward mode='passthrough'><pf dev='eth9'/></forward>"), sysfs);
    ASSERT_TRUE(links);
    ASSERT_EQ(links->interfaces.size(), 1U);
    EXPECT_EQ(links->interfaces[0].dev, "eth9v1");
    const auto none = find_functions(network_of("<forward mode='hostdev'><pf dev='eth8'/></forward>"), sysfs);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().message, "internal error: No usable Vf's present on SRIOV PF eth8");
}

TEST_F(Cards, addresses_are_those_of_virtual_functions) {
    const auto at = [](const char* slot, const char* function) {
        return network_of(fmt::format("<forward mode='hostdev'><address type='pci' domain='0' bus='4' slot='{}' function='{}'/></forward>", slot, function));
    };
    EXPECT_TRUE(check_functions(at("0x10", "1"), sysfs));
    EXPECT_FALSE(check_functions(at("0", "0"), sysfs));
    EXPECT_FALSE(check_functions(network_of("<forward mode='hostdev'><interface dev='eth9v1'/></forward>"), sysfs));
}

} // namespace
} // namespace polyvirt::network
