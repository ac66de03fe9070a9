// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What the kernel is asked for, attribute by attribute.
#include "sdk/netlink/netlink.h"

#include <gtest/gtest.h>
#include <linux/if_link.h>

#include "sdk/netlink/message.h"

namespace polyvirt::sdk {
namespace {

constexpr auto kMac = "52:54:00:aa:bb:01";

TEST(Netlink, a_macvtap_has_name_device_mac_kind_and_mode) {
    const auto request = macvlan_request("macvtap3", 7, {.kind = "macvtap", .device = "eth9", .mode = "bridge", .mac = xml::Mac::parse(kMac)});
    ASSERT_TRUE(request) << request.error().message;
    ASSERT_TRUE(request->ok());
    nlmsghdr* const head = nlmsg_hdr(request->get());
    EXPECT_EQ(head->nlmsg_type, RTM_NEWLINK);
    EXPECT_EQ(head->nlmsg_flags & (NLM_F_CREATE | NLM_F_EXCL), NLM_F_CREATE | NLM_F_EXCL);
    nlattr *link[IFLA_MAX + 1] = {}, *info[IFLA_INFO_MAX + 1] = {}, *data[IFLA_MACVLAN_MAX + 1] = {};
    ASSERT_EQ(nlmsg_parse(head, sizeof(ifinfomsg), link, IFLA_MAX, nullptr), 0);
    EXPECT_STREQ(nla_get_string(link[IFLA_IFNAME]), "macvtap3");
    EXPECT_EQ(nla_get_u32(link[IFLA_LINK]), 7U);
    ASSERT_EQ(nla_len(link[IFLA_ADDRESS]), 6);
    EXPECT_EQ(static_cast<const std::uint8_t*>(nla_data(link[IFLA_ADDRESS]))[5], 1);
    EXPECT_EQ(link[IFLA_NET_NS_PID], nullptr) << "it stays here";
    ASSERT_EQ(nla_parse_nested(info, IFLA_INFO_MAX, link[IFLA_LINKINFO], nullptr), 0);
    EXPECT_EQ(std::string(static_cast<const char*>(nla_data(info[IFLA_INFO_KIND])), 7), "macvtap");
    ASSERT_EQ(nla_parse_nested(data, IFLA_MACVLAN_MAX, info[IFLA_INFO_DATA], nullptr), 0);
    EXPECT_EQ(nla_get_u32(data[IFLA_MACVLAN_MODE]), static_cast<std::uint32_t>(MACVLAN_MODE_BRIDGE));
}

TEST(Netlink, a_macvlan_is_made_where_its_container_is) {
    const auto request = macvlan_request("eth0", 7, {.kind = "macvlan", .device = "eth9", .mode = "passthrough", .mac = {}, .pid = 4711});
    ASSERT_TRUE(request && request->ok());
    nlattr* link[IFLA_MAX + 1] = {};
    ASSERT_EQ(nlmsg_parse(nlmsg_hdr(request->get()), sizeof(ifinfomsg), link, IFLA_MAX, nullptr), 0);
    EXPECT_EQ(nla_get_u32(link[IFLA_NET_NS_PID]), 4711U);
    EXPECT_EQ(link[IFLA_ADDRESS], nullptr);
}

TEST(Netlink, modes_that_there_are_none_of_are_refused) {
    const auto request = macvlan_request("eth0", 7, {.kind = "macvlan", .device = "eth9", .mode = "passthru"});
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().code, ErrorCode::invalid_arg);
}

// Asking needs no rights, and every network has this one.
TEST(Netlink, links_are_found_by_name) {
    auto net = Netlink::open();
    ASSERT_TRUE(net) << net.error().message;
    const auto lo = net->find("lo");
    ASSERT_TRUE(lo && *lo);
    EXPECT_EQ((*lo)->lower, 0);
    const auto first = net->free_name("pvunit"), second = net->free_name("pvunit");
    ASSERT_TRUE(first && second);
    EXPECT_TRUE(first->starts_with("pvunit"));
    EXPECT_NE(*first, *second);
}

} // namespace
} // namespace polyvirt::sdk
