// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "up/server_config.h"

#include <gmock/gmock.h>

namespace polyvirt::network {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

sdk::network::Network configured(const std::string& inner) {
    auto network = sdk::network::parse_network("<network><name>n</name><bridge name='br7'/>" + inner + "</network>");
    EXPECT_TRUE(network) << network.error().message;
    return std::move(network->value);
}
std::string config(const std::string& inner) {
    const auto text = server_config(configured(inner), {"/run/br7.conf", "/run/br7.pid", "/lib/br7.leases"});
    return text ? *text : "refused: " + text.error().message;
}

constexpr const char* kRanges = "<ip address='10.1.2.1' netmask='255.255.255.0'>";

TEST(ServerConfig, hands_out_ranges_and_fixed_addresses) {
    const std::string text =
        config(std::string("<forward mode='nat'/>") + kRanges +
               "<dhcp><range start='10.1.2.10' end='10.1.2.19'><lease expiry='2' unit='hours'/></range>"
               "<host mac='52:54:00:00:00:09' name='nine' ip='10.1.2.9'/></dhcp></ip>");
    EXPECT_THAT(text, HasSubstr("\ninterface=br7\n"));
    EXPECT_THAT(text, HasSubstr("\ndhcp-range=10.1.2.10,10.1.2.19,255.255.255.0,7200\n"));
    EXPECT_THAT(text, HasSubstr("\ndhcp-host=52:54:00:00:00:09,nine,10.1.2.9\n"));
    EXPECT_THAT(text, HasSubstr("\ndhcp-lease-max=10\n"));
    EXPECT_THAT(text, HasSubstr("\ndhcp-leasefile=/lib/br7.leases\n"));
    EXPECT_THAT(text, Not(HasSubstr("dhcp-option=3")));
}

TEST(ServerConfig, guests_of_an_isolated_network_learn_no_way_out) {
    const std::string text = config(std::string(kRanges) + "<dhcp><range start='10.1.2.10' end='10.1.2.19'/></dhcp></ip>");
    EXPECT_THAT(text, HasSubstr("\ndhcp-option=3\n"));
    EXPECT_THAT(text, HasSubstr("\nno-resolv\n"));
}

TEST(ServerConfig, fixed_addresses_alone_make_a_static_range) {
    EXPECT_THAT(config(std::string(kRanges) + "<dhcp><host mac='52:54:00:00:00:09' ip='10.1.2.9'/></dhcp></ip>"),
                HasSubstr("\ndhcp-range=10.1.2.0,static,255.255.255.0\n"));
}

TEST(ServerConfig, tells_names_of_all_kinds) {
    const std::string text = config(std::string("<domain name='x.test' localOnly='yes'/><dns "
                                                "forwardPlainNames='no'><forwarder domain='a.test' addr='9.9.9.9'/>"
                                                "<txt name='t' value='some words'/><srv service='ldap' protocol='tcp' "
                                                "domain='x.test' target='h' port='389'/>"
                                                "<host ip='10.1.2.5'><hostname>five</hostname></host></dns>") +
                                    kRanges + "</ip>");
    for (const char* line :
         {"local=/x.test/", "domain=x.test", "expand-hosts", "domain-needed", "server=/a.test/9.9.9.9",
          "txt-record=t,some words", "srv-host=_ldap._tcp.x.test,h,389,0,0", "host-record=five,five.x.test,10.1.2.5"})
        EXPECT_THAT(text, HasSubstr("\n" + std::string(line) + "\n"));
}

TEST(ServerConfig, names_can_be_off) {
    EXPECT_THAT(config(std::string("<dns enable='no'/>") + kRanges + "</ip>"), HasSubstr("\nport=0\n"));
}

TEST(ServerConfig, announces_networks_of_ipv6) {
    EXPECT_THAT(config("<ip family='ipv6' address='fd00::1' prefix='64'/>"),
                HasSubstr("\ndhcp-range=fd00::1,ra-only\n"));
    const std::string text =
        config("<ip family='ipv6' address='fd00::1' prefix='64'><dhcp><range start='fd00::10' end='fd00::1f'/>"
               "<host name='h' ip='fd00::5'/></dhcp></ip>");
    EXPECT_THAT(text, HasSubstr("\ndhcp-range=fd00::10,fd00::1f,64\n"));
    EXPECT_THAT(text, HasSubstr("\ndhcp-host=h,[fd00::5]\n"));
    EXPECT_THAT(text, HasSubstr("\nenable-ra\n"));
}

TEST(ServerConfig, what_would_begin_a_line_of_its_own_is_refused) {
    EXPECT_THAT(config(std::string("<dns><txt name='t' value='a&#10;dhcp-script=/bin/x'/></dns>") + kRanges + "</ip>"),
                HasSubstr("refused"));
    EXPECT_THAT(config(std::string("<domain name='a,b'/>") + kRanges + "</ip>"), HasSubstr("refused"));
}

TEST(ServerConfig, only_networks_with_addresses_want_one) {
    EXPECT_FALSE(wants_server(configured("")));
    EXPECT_TRUE(wants_server(configured(std::string(kRanges) + "</ip>")));
    EXPECT_FALSE(wants_server(configured("<forward mode='bridge'/>")));
}

} // namespace
} // namespace polyvirt::network
