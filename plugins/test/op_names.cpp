// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "op_names.h"

#include <vector>

#include <fmt/core.h>

#include "sdk/xml/messages.h"

namespace polyvirt::test {

std::string complain_of_pattern(std::string_view pattern) {
    if (pattern == "*" || is_op(pattern)) return {};
    const std::size_t dot = pattern.find('.');
    if (dot != std::string_view::npos && pattern.substr(dot) == ".*" &&
        std::any_of(std::begin(kOps), std::end(kOps), [&](const OpRow& row) { return row.kind == pattern.substr(0, dot); }))
        return {};
    std::vector<std::string> names;
    for (const OpRow& row : kOps) names.push_back(fmt::format("{}.{}", row.kind, row.op));
    const std::string_view near = sdk::xml::nearest(pattern, std::vector<std::string_view>(names.begin(), names.end()));
    return fmt::format("found op '{}', expected one like 'domain.suspend', 'domain.*' or '*'{}", pattern,
                       near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
}

} // namespace polyvirt::test
