// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/access/policy.h"

#include <algorithm>

#include <fmt/core.h>

namespace polyvirt::access {
namespace {

template <typename T> bool contains(const std::vector<T>& list, const T& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

bool any_matches(const std::vector<Glob>& globs, std::string_view text) {
    return std::any_of(globs.begin(), globs.end(), [text](const Glob& g) { return g.matches(text); });
}

bool group_matches(const std::vector<std::uint32_t>& gids, const Subject& subject) {
    if (subject.uid < 0) return false;
    if (subject.gid >= 0 && contains(gids, static_cast<std::uint32_t>(subject.gid))) return true;
    return std::any_of(subject.groups.begin(), subject.groups.end(),
                       [&](std::uint32_t gid) { return contains(gids, gid); });
}

} // namespace

bool Who::matches(const Subject& subject) const {
    if (users && (subject.uid < 0 || !contains(uids, static_cast<std::uint32_t>(subject.uid)))) return false;
    if (groups && !group_matches(gids, subject)) return false;
    if (!sasl.empty() && (subject.sasl_user.empty() || !any_matches(sasl, subject.sasl_user))) return false;
    if (!x509.empty() && (subject.x509_dname.empty() || !any_matches(x509, subject.x509_dname))) return false;
    if (readonly && *readonly != subject.readonly) return false;
    return transports == 0 || (transports & (1U << static_cast<unsigned>(subject.transport))) != 0;
}

bool Rule::matches(const Object& object) const {
    if (!names_objects()) return true;
    if (object.kind == Kind::connect) return false;
    if (!object.known) return !allow; // it might be one of those
    if (!names.empty() && !any_matches(names, object.name)) return false;
    if (!parents.empty() && !any_matches(parents, object.parent)) return false;
    return uuids.empty() || contains(uuids, object.uuid);
}

std::string Policy::reason(const Decision& decision) const {
    return decision.rule != nullptr ? fmt::format("rule '{}'", decision.rule->name) : "the default";
}

std::string Policy::explain(const Decision& decision) const {
    return fmt::format("{} ({}:{})", reason(decision), file_,
                       decision.rule != nullptr ? decision.rule->line : default_line_);
}

SubjectRules::SubjectRules(std::shared_ptr<const Policy> policy, const Subject& subject)
    : policy_(std::move(policy)) {
    for (const Rule& rule : policy_->rules()) {
        const auto means = [&](const Who& who) { return who.matches(subject); };
        if (rule.who.empty() || std::any_of(rule.who.begin(), rule.who.end(), means)) rules_.push_back(&rule);
    }
}

Decision SubjectRules::decide(Permission permission, const Object& object) const {
    for (const Rule* rule : rules_)
        if (rule->permissions[permission] && rule->matches(object)) return {rule->allow, rule};
    return {policy_->default_allow(), nullptr};
}

std::optional<bool> SubjectRules::settled(Permission permission) const {
    const bool connection = permission_kind(permission) == Kind::connect;
    std::optional<bool> so_far; // what the rules that name objects say, while they agree
    for (const Rule* rule : rules_) {
        if (!rule->permissions[permission] || (connection && rule->names_objects())) continue;
        if (so_far.has_value() && *so_far != rule->allow) return std::nullopt;
        so_far = rule->allow;
        if (!rule->names_objects()) return so_far;
    }
    if (so_far.has_value() && *so_far != policy_->default_allow()) return std::nullopt;
    return policy_->default_allow();
}

} // namespace polyvirt::access
