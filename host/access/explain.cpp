// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/access/explain.h"

#include <charconv>
#include <vector>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "base/error_text.h"
#include "host/protocol/proc_info.h"

namespace polyvirt::access {
namespace {

Result<Subject> system_user(const std::string& name) {
    std::vector<char> buffer(1 << 16);
    passwd entry{};
    passwd* found = nullptr;
    if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::access, "there is no user '{}'", name);
    Subject subject;
    subject.uid = entry.pw_uid;
    subject.gid = entry.pw_gid;
    std::vector<gid_t> groups(64);
    int n = static_cast<int>(groups.size());
    while (getgrouplist(name.c_str(), entry.pw_gid, groups.data(), &n) < 0 && groups.size() < 65'536)
        groups.resize(static_cast<std::size_t>(n = static_cast<int>(groups.size()) * 2));
    groups.resize(static_cast<std::size_t>(n));
    subject.groups.assign(groups.begin(), groups.end());
    return subject;
}

} // namespace

Result<Subject> describe_subject(const std::string& who) {
    const std::size_t colon = who.find(':');
    const std::string kind = colon == std::string::npos ? "user" : who.substr(0, colon);
    const std::string name = colon == std::string::npos ? who : who.substr(colon + 1);
    if (name.empty()) return make_error(ErrorCode::invalid_arg, ErrorDomain::access, "'{}' names nobody", who);
    Subject subject;
    if (kind == "user") return system_user(name);
    if (kind == "uid") {
        std::uint32_t uid = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), uid);
        if (error != std::errc() || end != name.data() + name.size())
            return make_error(ErrorCode::invalid_arg, ErrorDomain::access, "'{}' is no uid", name);
        subject.uid = uid;
        return subject;
    }
    subject.transport = Transport::tls;
    if (kind == "sasl") {
        subject.sasl_user = name;
        return subject;
    }
    if (kind == "x509") {
        subject.x509_dname = name;
        return subject;
    }
    return make_error(ErrorCode::invalid_arg, ErrorDomain::access,
                      "'{}' is not understood, expected NAME, user:NAME, uid:NUMBER, sasl:NAME or x509:NAME", who);
}

Result<Explanation> explain(const std::shared_ptr<const Policy>& policy, const Subject& subject,
                            std::string_view permission, const ExplainedObject& object) {
    const auto number = find_permission(permission);
    if (!number) {
        const std::string hint = nearest(permission, protocol::permissions());
        return make_error(ErrorCode::invalid_arg, ErrorDomain::access, "unknown permission '{}'{}", permission,
                          hint.empty() ? "" : fmt::format(", did you mean '{}'?", hint));
    }
    Object about{.kind = permission_kind(*number)};
    about.known = about.kind == Kind::connect || !object.object.empty() || !object.uuid.empty();
    about.name = object.object;
    about.parent = object.parent;
    if (!object.uuid.empty()) {
        const auto uuid = Uuid::parse(object.uuid);
        if (!uuid) return make_error(ErrorCode::invalid_arg, ErrorDomain::access, "'{}' is no uuid", object.uuid);
        about.uuid = *uuid;
    }
    const SubjectRules rules(policy, subject);
    const Decision decision = rules.decide(*number, about);
    return Explanation{decision.allowed, policy->explain(decision)};
}

} // namespace polyvirt::access
