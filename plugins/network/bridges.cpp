// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "bridges.h"

#include <algorithm>

#include "base/error_text.h"

namespace polyvirt::network {
namespace {

constexpr int kMost = 4096; // bridges that are tried by number

} // namespace

Result<std::string> Bridges::claim(const Uuid& network, const std::string& name,
                                   const std::vector<std::string>& taken) {
    const LeafLock lock(mu_);
    const std::size_t number = name.find("%d");
    if (!name.empty() && number == std::string::npos) {
        const auto [from, to] = owners_.equal_range(name);
        if (std::any_of(from, to, [&](const auto& owner) { return owner.second != network; }))
            return make_error(ErrorCode::internal_error, ErrorDomain::network, "bridge name '{}' already in use.",
                              name);
        owners_.emplace(name, network);
        return name;
    }
    const std::string before = name.empty() ? "virbr" : name.substr(0, number);
    const std::string after = name.empty() ? "" : name.substr(number + 2);
    for (int i = 0; i < kMost; ++i) {
        const std::string one = before + std::to_string(i) + after;
        if (owners_.contains(one) || std::find(taken.begin(), taken.end(), one) != taken.end()) continue;
        owners_.emplace(one, network);
        return one;
    }
    return make_error(ErrorCode::internal_error, ErrorDomain::network, "Bridge generation exceeded max id {}",
                      kMost - 1);
}

void Bridges::keep(const Uuid& network, const std::vector<std::string>& names) {
    const LeafLock lock(mu_);
    std::erase_if(owners_, [&](const auto& owner) { return owner.second == network; });
    for (const std::string& name : names)
        if (!name.empty()) owners_.emplace(name, network);
}

} // namespace polyvirt::network
