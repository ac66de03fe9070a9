// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Names of typed parameters against the patterns of the spec (polyvirt/abi/gen/params.h): "vcpu.*.time" fits
// "vcpu.0.time". Pure; linear but for "**", of which a pattern has one at most.

#include <cstddef>
#include <string_view>

namespace polyvirt {

namespace detail {
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_of_name(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
}
} // namespace detail

// "*": one digit or more; "**": one or more of letters, digits, '.', '_' and '-'.
constexpr bool param_name_fits(std::string_view pattern, std::string_view name) {
    while (!pattern.empty()) {
        if (pattern.starts_with("**")) {
            for (std::size_t n = 1; n <= name.size() && detail::is_of_name(name[n - 1]); ++n)
                if (param_name_fits(pattern.substr(2), name.substr(n))) return true;
            return false;
        }
        std::size_t taken = 0;
        if (pattern.front() == '*')
            while (taken < name.size() && detail::is_digit(name[taken])) ++taken;
        else if (!name.empty() && name.front() == pattern.front())
            taken = 1;
        if (taken == 0) return false;
        pattern.remove_prefix(1);
        name.remove_prefix(taken);
    }
    return name.empty();
}

} // namespace polyvirt
