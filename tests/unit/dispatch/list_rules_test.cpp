// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/list_rules.h"

#include <gtest/gtest.h>

#include "host/protocol/gen/constants.h"

namespace polyvirt::dispatch {
namespace {

using namespace protocol;

plugin::ObjectRef an_object(std::uint64_t attrs, std::int32_t state = 0) {
    plugin::ObjectRef object;
    object.attrs = attrs;
    object.state = state;
    return object;
}

bool chosen(std::uint32_t kind, const plugin::ObjectRef& object, std::uint32_t flags) {
    return passes(object, list_rules(kind), flags);
}

TEST(ListRules, no_flag_chooses_everything) {
    for (std::uint32_t kind = PV_KIND_DOMAIN; kind <= PV_KIND_CHECKPOINT; ++kind)
        EXPECT_TRUE(chosen(kind, an_object(0), 0)) << kind;
}

TEST(ListRules, both_flags_of_a_pair_choose_everything) {
    constexpr std::uint32_t kBoth = VIR_CONNECT_LIST_NETWORKS_ACTIVE | VIR_CONNECT_LIST_NETWORKS_INACTIVE;
    EXPECT_TRUE(chosen(PV_KIND_NETWORK, an_object(0), kBoth));
    EXPECT_TRUE(chosen(PV_KIND_NETWORK, an_object(PV_ATTR_ACTIVE), kBoth));
}

TEST(ListRules, groups_choose_one_after_another) {
    constexpr std::uint32_t kFlags = VIR_CONNECT_LIST_DOMAINS_ACTIVE | VIR_CONNECT_LIST_DOMAINS_TRANSIENT;
    EXPECT_TRUE(chosen(PV_KIND_DOMAIN, an_object(PV_ATTR_ACTIVE), kFlags));
    EXPECT_FALSE(chosen(PV_KIND_DOMAIN, an_object(PV_ATTR_ACTIVE | PV_ATTR_PERSISTENT), kFlags));
    EXPECT_FALSE(chosen(PV_KIND_DOMAIN, an_object(0), kFlags));
}

TEST(ListRules, a_state_without_a_flag_of_its_own_is_other) {
    for (const std::int32_t state : {-1, 0, 6, 7, 63, 64, 1000})
        EXPECT_TRUE(chosen(PV_KIND_DOMAIN, an_object(0, state), VIR_CONNECT_LIST_DOMAINS_OTHER)) << state;
    for (const std::int32_t state : {VIR_DOMAIN_RUNNING, VIR_DOMAIN_PAUSED, VIR_DOMAIN_SHUTOFF})
        EXPECT_FALSE(chosen(PV_KIND_DOMAIN, an_object(0, state), VIR_CONNECT_LIST_DOMAINS_OTHER)) << state;
}

TEST(ListRules, one_of_several_capabilities_is_enough) {
    plugin::ObjectRef host;
    host.keys = {{"cap", "scsi_host"}, {"cap", "fc_host"}};
    EXPECT_TRUE(chosen(PV_KIND_NODEDEV, host, VIR_CONNECT_LIST_NODE_DEVICES_CAP_FC_HOST));
    EXPECT_TRUE(chosen(PV_KIND_NODEDEV, host,
                       VIR_CONNECT_LIST_NODE_DEVICES_CAP_NET | VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI_HOST));
    EXPECT_FALSE(chosen(PV_KIND_NODEDEV, host, VIR_CONNECT_LIST_NODE_DEVICES_CAP_NET));
}

TEST(ListRules, a_flag_stands_in_one_rule) {
    for (std::uint32_t kind = PV_KIND_DOMAIN; kind <= PV_KIND_CHECKPOINT; ++kind) {
        std::uint32_t seen = 0;
        for (const ListRule& rule : list_rules(kind)) {
            EXPECT_EQ(seen & rule.flag, 0u) << kind;
            EXPECT_EQ(rule.flag & (rule.flag - 1), 0u) << "a single bit";
            seen |= rule.flag;
        }
        EXPECT_EQ(seen, known_flags(list_rules(kind)));
    }
}

} // namespace
} // namespace polyvirt::dispatch
