// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Trying a policy out: what would be decided for somebody, and by which rule.
//
//     PV_ASSIGN_OR_RETURN(Subject who, describe_subject("alice"));
//     PV_ASSIGN_OR_RETURN(Explanation why, explain(policy, who, "domain.start", {.object = "web-1"}));

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "host/access/policy.h"

namespace polyvirt::access {

// "alice" or "user:alice" (with the groups that the system has for that user), "uid:1000", "sasl:NAME",
// "x509:NAME". Reads files, perhaps asks servers.
Result<Subject> describe_subject(const std::string& who);

struct ExplainedObject {
    std::string object{}; // a name; empty: none, or one that is not known
    std::string uuid{}, parent{};
};

struct Explanation {
    bool allowed = false;
    std::string why; // "rule 'start' (policy.yaml:12)"
};

// Errors: an unknown permission, with the nearest one; a uuid that is none.
Result<Explanation> explain(const std::shared_ptr<const Policy>& policy, const Subject& subject,
                            std::string_view permission, const ExplainedObject& object);

} // namespace polyvirt::access
