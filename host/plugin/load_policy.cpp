// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/load_policy.h"

#include <algorithm>
#include <fnmatch.h>

namespace polyvirt::plugin {
namespace {

const std::string* match(const std::vector<std::string>& patterns, const std::string& id) {
    const auto found = std::find_if(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
        return ::fnmatch(pattern.c_str(), id.c_str(), 0) == 0;
    });
    return found == patterns.end() ? nullptr : &*found;
}

} // namespace

bool matches(const std::vector<std::string>& patterns, const std::string& id) { return match(patterns, id) != nullptr; }

std::string denial(const LoadPolicy& policy, const std::string& id) {
    if (const std::string* pattern = match(policy.deny, id)) return "'" + *pattern + "' of loading.deny denies it";
    if (!policy.allow.empty() && !matches(policy.allow, id)) return "loading.allow does not name it";
    return {};
}

} // namespace polyvirt::plugin
