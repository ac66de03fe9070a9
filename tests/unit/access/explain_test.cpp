// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/access/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polyvirt::access {
namespace {

using ::testing::HasSubstr;

std::string told(const char* who, const char* permission, const ExplainedObject& object) {
    const Loaded loaded = parse_policy(R"(default: deny
rules:
  - {name: bob, allow: domain.*, who: {sasl: "bob@*"}, on: {name: "web-*"}}
)",
                                       "p.yaml");
    const auto subject = describe_subject(who);
    if (!subject) return subject.error().message;
    const auto answer = explain(loaded.policy, *subject, permission, object);
    if (!answer) return answer.error().message;
    return (answer->allowed ? "allowed: " : "denied: ") + answer->why;
}

TEST(Explain, names_the_rule_and_its_line) {
    EXPECT_EQ(told("sasl:bob@X", "domain.start", {.object = "web-1"}), "allowed: rule 'bob' (p.yaml:3)");
    EXPECT_EQ(told("sasl:bob@X", "domain.start", {.object = "db-1"}), "denied: the default (p.yaml:1)");
    EXPECT_EQ(told("uid:7", "domain.start", {.object = "web-1"}), "denied: the default (p.yaml:1)");
    EXPECT_EQ(told("sasl:bob@X", "domain.start", {}), "denied: the default (p.yaml:1)");
}

TEST(Explain, root_is_a_user_with_groups) {
    const auto root = describe_subject("root");
    ASSERT_TRUE(root.has_value());
    EXPECT_EQ(root->uid, 0);
    EXPECT_FALSE(root->groups.empty());
}

TEST(Explain, what_is_not_understood_is_said) {
    EXPECT_THAT(told("sasl:bob@X", "domain.strat", {}), HasSubstr("did you mean 'domain.start'"));
    EXPECT_THAT(told("uid:x", "domain.start", {}), HasSubstr("'x' is no uid"));
    EXPECT_THAT(told("no-such-user-here", "domain.start", {}), HasSubstr("there is no user"));
    EXPECT_THAT(told("pgp:x", "domain.start", {}), HasSubstr("is not understood"));
    EXPECT_THAT(told("sasl:bob@X", "domain.start", {.uuid = "x"}), HasSubstr("'x' is no uuid"));
}

} // namespace
} // namespace polyvirt::access
