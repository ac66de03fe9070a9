// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Policies: what the file may say, what its mistakes are told as, which rule decides.

#include "host/access/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/access/control.h"

namespace polyvirt::access {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Directory kDirectory{
    [](const std::string& name) -> std::optional<std::uint32_t> {
        if (name == "alice") return 1000;
        return std::nullopt;
    },
    [](const std::string& name) -> std::optional<std::uint32_t> {
        if (name == "operators") return 50;
        return std::nullopt;
    }};

Loaded parse(const std::string& text) { return parse_policy(text, "p.yaml", kDirectory); }

std::shared_ptr<const Policy> policy(const std::string& text) {
    Loaded loaded = parse(text);
    EXPECT_THAT(loaded.errors, IsEmpty());
    return loaded.policy;
}

Subject user(std::int64_t uid, std::vector<std::uint32_t> groups = {}) {
    Subject s;
    s.uid = uid;
    s.gid = uid;
    s.groups = std::move(groups);
    return s;
}

Object domain(std::string_view name) { return {.kind = Kind::domain, .name = name}; }

// The name of the rule that decides, with + or - for what it says.
std::string decided(const std::shared_ptr<const Policy>& p, const Subject& who, std::string_view permission,
                    const Object& object) {
    const SubjectRules rules(p, who);
    const Decision d = rules.decide(*find_permission(permission), object);
    return (d.allowed ? "+" : "-") + (d.rule != nullptr ? d.rule->name : std::string("default"));
}

TEST(Policy, first_rule_that_matches_decides) {
    const auto p = policy(R"(
default: deny
rules:
  - {name: not-db, deny: domain.start, on: {name: "db-*"}}
  - {name: start, allow: domain.start}
  - {name: never, deny: domain.start}
)");
    EXPECT_EQ(decided(p, user(1), "domain.start", domain("db-1")), "-not-db");
    EXPECT_EQ(decided(p, user(1), "domain.start", domain("web-1")), "+start");
    EXPECT_EQ(decided(p, user(1), "domain.stop", domain("web-1")), "-default");
}

TEST(Policy, default_is_for_what_no_rule_matches) {
    EXPECT_EQ(decided(policy("default: allow"), user(1), "domain.start", domain("a")), "+default");
    EXPECT_EQ(decided(policy("{default: deny, rules: []}"), user(1), "domain.start", domain("a")), "-default");
}

TEST(Policy, rules_by_user_and_group) {
    const auto p = policy(R"(
default: deny
rules:
  - {name: alice, allow: "*", who: {user: alice}}
  - {name: number, allow: "*", who: {uid: [7, 8]}}
  - {name: group, allow: "*", who: {group: operators}}
  - {name: gid, allow: "*", who: {gid: 60}}
)");
    const Object d = domain("a");
    EXPECT_EQ(decided(p, user(1000), "domain.start", d), "+alice");
    EXPECT_EQ(decided(p, user(8), "domain.start", d), "+number");
    EXPECT_EQ(decided(p, user(9, {50}), "domain.start", d), "+group");
    EXPECT_EQ(decided(p, user(60), "domain.start", d), "+gid");
    EXPECT_EQ(decided(p, user(9), "domain.start", d), "-default");
    EXPECT_EQ(decided(p, Subject{}, "domain.start", d), "-default");
}

TEST(Policy, all_of_who_must_fit_and_one_of_several) {
    const auto p = policy(R"(
default: deny
rules:
  - {name: both, allow: "*", who: {user: alice, group: operators}}
  - {name: either, allow: domain.stop, who: [{user: alice}, {uid: 5}]}
)");
    EXPECT_EQ(decided(p, user(1000, {50}), "domain.start", domain("a")), "+both");
    EXPECT_EQ(decided(p, user(1000), "domain.start", domain("a")), "-default");
    EXPECT_EQ(decided(p, user(1000), "domain.stop", domain("a")), "+either");
    EXPECT_EQ(decided(p, user(5), "domain.stop", domain("a")), "+either");
}

TEST(Policy, rules_by_names_of_sasl_and_certificates) {
    const auto p = policy(R"(
default: deny
rules:
  - {name: sasl, allow: "*", who: {sasl: "*@EXAMPLE.ORG"}}
  - {name: cert, allow: "*", who: {x509: "C=DE,*,CN=admin"}}
)");
    Subject s;
    s.sasl_user = "bob@EXAMPLE.ORG";
    EXPECT_EQ(decided(p, s, "domain.start", domain("a")), "+sasl");
    s.sasl_user = "bob@EVIL.ORG";
    s.x509_dname = "C=DE,O=x,CN=admin";
    EXPECT_EQ(decided(p, s, "domain.start", domain("a")), "+cert");
    s.x509_dname.clear();
    EXPECT_EQ(decided(p, s, "domain.start", domain("a")), "-default");
}

TEST(Policy, rules_by_mode_and_transport) {
    const auto p = policy(R"(
default: allow
rules:
  - {name: remote, deny: domain.start, who: {transport: [tcp, tls]}}
  - {name: lookers, deny: domain.read, who: {mode: readonly}}
)");
    Subject s = user(1);
    EXPECT_EQ(decided(p, s, "domain.start", domain("a")), "+default");
    EXPECT_EQ(decided(p, s, "domain.read", domain("a")), "+default");
    s.transport = Transport::tls;
    s.readonly = true;
    EXPECT_EQ(decided(p, s, "domain.start", domain("a")), "-remote");
    EXPECT_EQ(decided(p, s, "domain.read", domain("a")), "-lookers");
}

TEST(Policy, permissions_by_pattern_list_and_kind) {
    const auto p = policy(R"(
default: deny
rules:
  - {name: pools, allow: [storage-pool.*, storage_vol.read]}
  - {name: nets, allow: "*", on: {kind: [network, network-port]}}
)");
    EXPECT_EQ(decided(p, user(1), "storage_pool.start", {.kind = Kind::storage_pool}), "+pools");
    EXPECT_EQ(decided(p, user(1), "storage_vol.read", {.kind = Kind::storage_vol}), "+pools");
    EXPECT_EQ(decided(p, user(1), "storage_vol.delete", {.kind = Kind::storage_vol}), "-default");
    EXPECT_EQ(decided(p, user(1), "network_port.create", {.kind = Kind::network_port}), "+nets");
    EXPECT_EQ(decided(p, user(1), "connect.read", {}), "-default");
}

TEST(Policy, objects_by_name_uuid_and_parent) {
    const auto p = policy(R"(
default: deny
rules:
  - {name: uuid, allow: "*", on: {uuid: c7a5fdbd-cdaf-9455-926a-d65c16db1809}}
  - {name: isos, allow: "*", on: {kind: storage_vol, parent: images, name: "*.iso"}}
)");
    Object o = domain("x");
    o.uuid = *Uuid::parse("c7a5fdbdcdaf9455926ad65c16db1809");
    EXPECT_EQ(decided(p, user(1), "domain.start", o), "+uuid");
    Object v{.kind = Kind::storage_vol, .name = "a.iso", .parent = "images"};
    EXPECT_EQ(decided(p, user(1), "storage_vol.read", v), "+isos");
    v.parent = "other";
    EXPECT_EQ(decided(p, user(1), "storage_vol.read", v), "-default");
}

// Rules that name objects say nothing about permissions that have none.
TEST(Policy, rules_that_name_objects_leave_the_connection_alone) {
    const auto p = policy(R"({default: deny, rules: [{name: r, allow: "*", on: {name: "*"}}]})");
    EXPECT_EQ(decided(p, user(1), "connect.getattr", {}), "-default");
    EXPECT_EQ(decided(p, user(1), "domain.getattr", domain("a")), "+r");
}

TEST(Policy, unknown_object_is_denied_by_name_and_never_allowed) {
    const auto p = policy(R"(
default: allow
rules:
  - {name: some, allow: domain.start, on: {name: "web-*"}}
  - {name: not-db, deny: domain.start, on: {name: "db-*"}}
)");
    EXPECT_EQ(decided(p, user(1), "domain.start", {.kind = Kind::domain, .known = false}), "-not-db");
}

TEST(Policy, settled_is_what_no_object_changes) {
    const auto p = policy(R"(
default: deny
rules:
  - {name: web, allow: [domain.start, domain.stop], on: {name: "web-*"}}
  - {name: stop, allow: domain.stop}
  - {name: db, deny: domain.reset, on: {name: "db-*"}}
)");
    const SubjectRules rules(p, user(1));
    EXPECT_EQ(rules.settled(*find_permission("domain.start")), std::nullopt);
    EXPECT_EQ(rules.settled(*find_permission("domain.stop")), true);
    EXPECT_EQ(rules.settled(*find_permission("domain.reset")), false);
    EXPECT_EQ(rules.settled(*find_permission("domain.save")), false);
    EXPECT_EQ(rules.settled(*find_permission("connect.read")), false);
}

TEST(Policy, explains_with_rule_and_line) {
    const auto p = policy("default: deny\nrules:\n  - name: start\n    allow: domain.start\n");
    const SubjectRules rules(p, user(1));
    EXPECT_EQ(p->explain(rules.decide(*find_permission("domain.start"), domain("a"))), "rule 'start' (p.yaml:3)");
    EXPECT_EQ(p->explain(rules.decide(*find_permission("domain.stop"), domain("a"))),
              "the default (p.yaml:1)");
}

// --- mistakes

TEST(PolicyFile, unknown_permission_is_told_with_its_place_and_the_nearest) {
    EXPECT_THAT(parse("default: deny\nrules:\n  - name: a\n    allow: [domain.read, domain.strat]\n").errors,
                ElementsAre("p.yaml:4:26: unknown permission 'domain.strat', did you mean 'domain.start'?"));
    EXPECT_THAT(parse("default: deny\nrules: [{name: a, allow: domian.*}]").errors,
                ElementsAre("p.yaml:2:26: unknown permission 'domian.*', did you mean 'domain.*'?"));
    EXPECT_THAT(parse("default: deny\nrules: [{name: a, allow: fly.to.the.moon}]").errors,
                ElementsAre("p.yaml:2:26: unknown permission 'fly.to.the.moon'"));
}

TEST(PolicyFile, bad_pattern_is_told_with_its_place) {
    EXPECT_THAT(parse("default: deny\nrules:\n  - name: a\n    allow: domain.*\n    on: {name: 'web-[0'}\n").errors,
                ElementsAre("p.yaml:5:16: bad pattern 'web-[0': the '[' is not closed at byte 5"));
}

TEST(PolicyFile, unknown_user_is_a_warning_and_means_nobody) {
    const Loaded loaded =
        parse("default: deny\nrules:\n  - {name: a, allow: '*', who: {user: [bob, alice]}}\n"
              "  - {name: b, allow: '*', who: {group: nobodies}}\n");
    EXPECT_THAT(loaded.warnings,
                ElementsAre("p.yaml:3:40: there is no user 'bob'; the rule does not mean anybody by that name",
                            "p.yaml:4:40: there is no group 'nobodies'; the rule does not mean anybody by that name"));
    ASSERT_NE(loaded.policy, nullptr);
    EXPECT_EQ(decided(loaded.policy, user(1000), "domain.start", domain("a")), "+a");
    EXPECT_EQ(decided(loaded.policy, user(5), "domain.start", domain("a")), "-default");
}

struct Mistake {
    const char* text;
    const char* told;
};

class PolicyMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(PolicyMistake, is_told) {
    const Loaded loaded = parse(GetParam().text);
    EXPECT_EQ(loaded.policy, nullptr);
    ASSERT_FALSE(loaded.errors.empty());
    EXPECT_THAT(loaded.errors.front(), HasSubstr(GetParam().told));
}

INSTANTIATE_TEST_SUITE_P(
    All, PolicyMistake,
    ::testing::Values(
        Mistake{"", "p.yaml:1:1: a policy is a map"}, Mistake{"rules: []", "'default' is missing"},
        Mistake{"default: maybe", "p.yaml:1:10: 'default' is 'maybe'"},
        Mistake{"default: deny\nrule: []", "p.yaml:2:1: a policy has no 'rule', did you mean 'rules'?"},
        Mistake{"default: deny\nrules: x", "p.yaml:2:8: 'rules' is a list"},
        Mistake{"default: deny\nrules: [x]", "p.yaml:2:9: a rule is a map"},
        Mistake{"default: deny\nrules: [{allow: '*'}]", "p.yaml:2:9: the rule has no name"},
        Mistake{"default: deny\nrules: [{name: a, allow: '*'}, {name: a, deny: '*'}]", "p.yaml:2:39: the name 'a' is taken"},
        Mistake{"default: deny\nrules: [{name: a}]", "neither 'allow' nor 'deny'"},
        Mistake{"default: deny\nrules: [{name: a, allow: '*', deny: '*'}]", "both 'allow' and 'deny'"},
        Mistake{"default: deny\nrules: [{name: a, allow: []}]", "p.yaml:2:26: expected a permission"},
        Mistake{"default: deny\nrules: [{name: a, allow: '*', who: {usr: x}}]",
                "p.yaml:2:37: 'who' has no 'usr', did you mean 'user'?"},
        Mistake{"default: deny\nrules: [{name: a, allow: '*', who: {uid: -1}}]", "'-1' is not a uid"},
        Mistake{"default: deny\nrules: [{name: a, allow: '*', who: {uid: 4294967296}}]", "is not a uid"},
        Mistake{"default: deny\nrules: [{name: a, allow: '*', who: {}}]", "'who' is empty"},
        Mistake{"default: deny\nrules: [{name: a, allow: '*', who: {mode: both}}]", "'mode' is 'both'"},
        Mistake{"default: deny\nrules: [{name: a, allow: '*', who: {transport: ssh}}]", "'transport' is 'ssh'"},
        Mistake{"default: deny\nrules: [{name: a, allow: '*', on: {uuid: x}}]", "'x' is no uuid"},
        Mistake{"default: deny\nrules: [{name: a, allow: '*', on: {kind: domian}}]",
                "unknown kind 'domian', did you mean 'domain'?"},
        Mistake{"default: deny\nrules: [{name: a, allow: domain.start, on: {kind: network}}]", "never matches"},
        Mistake{"default: deny\nrules: [{name: a, allow: connect.read, on: {name: x}}]", "never matches"},
        Mistake{"default: deny\nrules: [{name: a, allow: *}]", "p.yaml:2:"},
        Mistake{"default: deny\n\tx", "p.yaml:2:"}, Mistake{"default: deny\ndefault: allow", "stands twice"}));

TEST(PolicyFile, tells_all_mistakes_at_once) {
    const Loaded loaded = parse("default: deny\nrules:\n  - {name: a, allow: x.y}\n  - {name: b, deny: z.z}\n");
    EXPECT_EQ(loaded.errors.size(), 2U);
}

TEST(PolicyFile, that_is_not_there_is_an_error_with_its_name) {
    const Loaded loaded = load_policy("/nonexistent/policy.yaml", kDirectory);
    EXPECT_EQ(loaded.policy, nullptr);
    EXPECT_THAT(loaded.errors, ElementsAre(HasSubstr("/nonexistent/policy.yaml: No such file")));
}

TEST(PolicyFile, too_large_is_refused) {
    EXPECT_THAT(parse(std::string(kMaxPolicyBytes + 1, '#')).errors, ElementsAre(HasSubstr("at most")));
}

// --- what is enforced

TEST(Control, change_makes_a_new_generation_and_leaves_the_old_snapshot) {
    Control control;
    EXPECT_EQ(control.generation(), 0U);
    EXPECT_EQ(control.current(), nullptr);
    control.enforce(policy("default: deny"));
    const auto first = control.current();
    control.enforce(policy("default: allow"));
    EXPECT_NE(first->generation, control.generation());
    EXPECT_FALSE(Viewer(first, user(1)).decide(0, {}));
    EXPECT_TRUE(Viewer(control.current(), user(1)).decide(0, {}));
    control.enforce_nothing();
    EXPECT_EQ(control.generation(), 0U);
    EXPECT_EQ(control.current(), nullptr);
}

TEST(Viewer, reason_names_rule_permission_and_object) {
    Control control;
    control.enforce(policy(R"({default: deny, rules: [{name: r, deny: domain.start}]})"));
    const Viewer viewer(control.current(), user(1));
    EXPECT_EQ(viewer.reason(*find_permission("domain.start"), domain("web-1")),
              "rule 'r' denies domain.start on domain 'web-1'");
    EXPECT_EQ(viewer.reason(*find_permission("connect.read"), {}), "the default denies connect.read");
}

} // namespace
} // namespace polyvirt::access
