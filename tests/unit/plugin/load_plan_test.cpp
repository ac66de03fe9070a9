// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/load_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <polyvirt/abi/base.h>

namespace polyvirt::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Manifest manifest(const char* id, std::vector<std::uint32_t> serves, std::vector<std::uint32_t> uses,
                  std::vector<std::string> uri = {}) {
    Manifest m;
    m.id = id;
    m.serves = std::move(serves);
    m.uses = std::move(uses);
    m.uri = std::move(uri);
    return m;
}

class LoadPlan : public ::testing::Test {
  protected:
    Status take(const Manifest& m) {
        Status status = claim(claims, m, policy);
        if (status) taken.push_back(&m);
        return status;
    }
    StartOrder order() { return start_order(taken, claims); }

    Claims claims;
    LoadPolicy policy;
    std::vector<const Manifest*> taken;
};

TEST_F(LoadPlan, providers_come_before_their_users_and_others_beside_each_other) {
    const Manifest user = manifest("a-user", {}, {PV_KIND_NETWORK, PV_KIND_SECRET});
    const Manifest network = manifest("network", {PV_KIND_NETWORK}, {PV_KIND_NWFILTER});
    const Manifest filter = manifest("filter", {PV_KIND_NWFILTER}, {});
    const Manifest other = manifest("other", {}, {});
    for (const Manifest* m : {&user, &network, &filter, &other}) ASSERT_TRUE(take(*m));
    const StartOrder found = order();
    ASSERT_EQ(found.levels.size(), 3U);
    EXPECT_THAT(found.levels[0], ElementsAre("filter", "other"));
    EXPECT_THAT(found.levels[1], ElementsAre("network"));
    EXPECT_THAT(found.levels[2], ElementsAre("a-user")); // nobody has secrets: no hindrance
    EXPECT_TRUE(found.circles.empty());
}

TEST_F(LoadPlan, a_circle_is_named_and_others_start) {
    const Manifest a = manifest("a", {PV_KIND_POOL}, {PV_KIND_SECRET});
    const Manifest b = manifest("b", {PV_KIND_SECRET}, {PV_KIND_POOL});
    const Manifest user = manifest("user", {}, {PV_KIND_POOL});
    const Manifest self = manifest("self", {PV_KIND_NETWORK}, {PV_KIND_NETWORK});
    for (const Manifest* m : {&a, &b, &user, &self}) ASSERT_TRUE(take(*m));
    const StartOrder found = order();
    ASSERT_EQ(found.circles.size(), 2U);
    EXPECT_EQ(found.circles.at("a"), "'a' uses secret of 'b', 'b' uses pool of 'a'");
    EXPECT_EQ(found.circles.at("b"), "'b' uses pool of 'a', 'a' uses secret of 'b'");
    ASSERT_EQ(found.levels.size(), 1U);
    EXPECT_THAT(found.levels[0], ElementsAre("user", "self"));
}

TEST_F(LoadPlan, two_providers_of_a_kind_need_a_choice) {
    const Manifest a = manifest("a", {PV_KIND_NETWORK}, {});
    const Manifest b = manifest("b", {PV_KIND_SECRET, PV_KIND_NETWORK}, {});
    ASSERT_TRUE(take(a));
    const Status refused = take(b);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("both 'a' and 'b' serve objects of kind network"));
    EXPECT_THAT(refused.error().message, HasSubstr("loading.providers"));
    EXPECT_EQ(claims.kinds.count(PV_KIND_SECRET), 0U); // nothing of it was taken

    policy.providers[PV_KIND_NETWORK] = "b";
    ASSERT_TRUE(take(b));
    EXPECT_EQ(claims.kinds.at(PV_KIND_NETWORK), "b");
    EXPECT_EQ(claims.kinds.at(PV_KIND_SECRET), "b");
}

TEST_F(LoadPlan, two_providers_of_a_scheme_need_a_choice_between_them) {
    const Manifest a = manifest("a", {}, {}, {"x"});
    const Manifest b = manifest("b", {}, {}, {"y", "x"});
    ASSERT_TRUE(take(a));
    policy.schemes["x"] = "c";
    const Status refused = take(b);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("both 'a' and 'b' serve URIs x:; loading.schemes must choose one"));
    EXPECT_THAT(refused.error().message, HasSubstr("it chooses 'c', which is neither"));
    policy.schemes["x"] = "a";
    ASSERT_TRUE(take(b));
    EXPECT_EQ(claims.schemes.at("x"), "a");
    EXPECT_EQ(claims.schemes.at("y"), "b");
}

TEST(SchemeOf, takes_what_stands_before_transport_and_colon) {
    EXPECT_EQ(scheme_of("test:///default"), "test");
    EXPECT_EQ(scheme_of("test+unix:///default"), "test");
    EXPECT_EQ(scheme_of("test://h+h/x"), "test");
    EXPECT_EQ(scheme_of(""), "");
    EXPECT_EQ(scheme_of("/path:x"), "");
    EXPECT_EQ(scheme_of("nothing"), "");
}

TEST(LoadPolicyDenial, says_by_which_pattern) {
    LoadPolicy policy;
    EXPECT_EQ(denial(policy, "x"), "");
    policy.deny = {"vendor-*"};
    EXPECT_EQ(denial(policy, "vendor-gpu"), "'vendor-*' of loading.deny denies it");
    EXPECT_EQ(denial(policy, "other"), "");
    policy.allow = {"qemu", "vendor-?pu"};
    EXPECT_EQ(denial(policy, "other"), "loading.allow does not name it");
    EXPECT_EQ(denial(policy, "qemu"), "");
    EXPECT_NE(denial(policy, "vendor-gpu"), ""); // deny counts more
}

} // namespace
} // namespace polyvirt::plugin
