// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "up/ruleset.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace polyvirt::network {
namespace {

using Json = nlohmann::json;

Document parsed(const std::string& inner) {
    auto network = doc::parse_network("<network><name>n</name><bridge name='br7'/>" + inner + "</network>");
    EXPECT_TRUE(network) << network.error().message;
    return std::make_shared<const doc::Network>(std::move(network->value));
}

// The rules of a chain, each as its verdict and the number of its conditions.
std::vector<std::string> rules(const std::vector<Document>& networks, const std::string& chain) {
    std::vector<std::string> list;
    const Json all = Json::parse(ruleset(networks));
    for (const Json& command : all["nftables"]) {
        if (!command.contains("add") || !command["add"].contains("rule") || command["add"]["rule"]["chain"] != chain)
            continue;
        const Json& expr = command["add"]["rule"]["expr"];
        list.push_back(std::to_string(expr.size() - 1) + " " + expr.back().begin().key());
    }
    return list;
}

constexpr const char* kIp = "<ip address='10.1.2.1' netmask='255.255.255.0'/>";
using Rules = std::vector<std::string>;

TEST(Ruleset, is_one_transaction_that_begins_with_nothing) {
    const Json commands = Json::parse(ruleset({parsed(kIp)}))["nftables"];
    EXPECT_TRUE(commands[0].contains("add") && commands[0]["add"].contains("table"));
    EXPECT_TRUE(commands[1].contains("delete"));
    EXPECT_TRUE(commands[2].contains("add"));
    EXPECT_EQ(Json::parse(ruleset({}))["nftables"].size(), 2U);
}

TEST(Ruleset, an_isolated_network_is_let_through_within_alone) {
    const std::vector<Document> one = {parsed(kIp)};
    EXPECT_EQ(rules(one, "within_networks"), Rules{"2 accept"});
    EXPECT_EQ(rules(one, "from_guests"), Rules{"1 reject"});
    EXPECT_EQ(rules(one, "to_guests"), Rules{"1 reject"});
    EXPECT_EQ(rules(one, "translate"), Rules{});
}

TEST(Ruleset, translation_lets_answers_in_alone) {
    const std::vector<Document> one = {parsed(std::string("<forward mode='nat'/>") + kIp)};
    EXPECT_EQ(rules(one, "from_guests"), (Rules{"2 return", "1 reject"}));
    EXPECT_EQ(rules(one, "to_guests"), (Rules{"3 accept", "1 reject"}));
    EXPECT_EQ(rules(one, "translate"), (Rules{"2 return", "2 return", "3 masquerade", "3 masquerade", "2 masquerade"}));
}

TEST(Ruleset, a_route_lets_everybody_in) {
    const std::vector<Document> one = {parsed(std::string("<forward mode='route' dev='eth0'/>") + kIp)};
    EXPECT_EQ(rules(one, "from_guests"), (Rules{"3 return", "1 reject"}));
    EXPECT_EQ(rules(one, "to_guests"), (Rules{"3 accept", "1 reject"}));
    EXPECT_EQ(rules(one, "translate"), Rules{});
}

TEST(Ruleset, addresses_of_ipv6_are_translated_on_demand) {
    const std::string ip6 = "<ip family='ipv6' address='fd00::1' prefix='64'/>";
    EXPECT_EQ(rules({parsed("<forward mode='nat'/>" + ip6)}, "translate"), Rules{});
    EXPECT_EQ(rules({parsed("<forward mode='nat'><nat ipv6='yes'/></forward>" + ip6)}, "translate"),
              (Rules{"2 return", "3 masquerade", "3 masquerade", "2 masquerade"}));
}

TEST(Ruleset, addresses_to_translate_to_can_be_given) {
    EXPECT_EQ(
        rules({parsed(std::string("<forward mode='nat'><nat><address start='1.2.3.4' end='1.2.3.9'/></nat></forward>") +
                      kIp)},
              "translate"),
        (Rules{"2 return", "2 return", "3 snat", "3 snat", "2 snat"}));
}

TEST(Ruleset, open_networks_are_their_administrators) {
    EXPECT_FALSE(wants_rules(*parsed(std::string("<forward mode='open'/>") + kIp)));
    EXPECT_EQ(Json::parse(ruleset({parsed(std::string("<forward mode='open'/>") + kIp)}))["nftables"].size(), 2U);
}

} // namespace
} // namespace polyvirt::network
