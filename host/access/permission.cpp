// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/access/permission.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/assert.h"
#include "host/protocol/proc_info.h"

namespace polyvirt::access {
namespace {

constexpr std::array<std::string_view, kKinds> kNames = {
    "connect",  "domain",           "interface", "network",      "network_port", "node_device",
    "nwfilter", "nwfilter_binding", "secret",    "storage_pool", "storage_vol"};

std::string underlined(std::string_view text) {
    std::string name(text);
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

struct Index {
    std::vector<Kind> kinds; // by permission
    std::array<PermissionSet, kKinds> sets;

    Index() {
        const auto all = protocol::permissions();
        PV_ASSERT(all.size() <= kMaxPermissions);
        for (std::size_t i = 0; i < all.size(); ++i) {
            const std::string_view name = all[i];
            const auto kind = find_kind(name.substr(0, name.find('.')));
            PV_ASSERT(kind.has_value());
            kinds.push_back(*kind);
            sets[static_cast<std::size_t>(*kind)].set(i);
        }
    }
};

const Index& table() {
    static const Index kIndex;
    return kIndex;
}

} // namespace

std::string_view kind_name(Kind kind) { return kNames[static_cast<std::size_t>(kind)]; }

std::optional<Kind> find_kind(std::string_view name) {
    const auto found = std::find(kNames.begin(), kNames.end(), underlined(name));
    if (found == kNames.end()) return std::nullopt;
    return static_cast<Kind>(found - kNames.begin());
}

std::string_view permission_name(Permission permission) { return protocol::permissions()[permission]; }

Kind permission_kind(Permission permission) { return table().kinds[permission]; }

std::optional<Permission> find_permission(std::string_view name) {
    const auto all = protocol::permissions();
    const std::string wanted = underlined(name);
    const auto found = std::lower_bound(all.begin(), all.end(), std::string_view(wanted),
                                        [](const char* a, std::string_view b) { return a < b; });
    if (found == all.end() || wanted != *found) return std::nullopt;
    return static_cast<Permission>(found - all.begin());
}

const PermissionSet& permissions_of(Kind kind) { return table().sets[static_cast<std::size_t>(kind)]; }

bool add_permissions(std::string_view pattern, PermissionSet& to, std::string& hint) {
    hint.clear();
    if (pattern == "*") {
        for (const PermissionSet& set : table().sets) to |= set;
        return true;
    }
    if (pattern.ends_with(".*")) {
        const std::string_view kind = pattern.substr(0, pattern.size() - 2);
        if (const auto found = find_kind(kind)) {
            to |= permissions_of(*found);
            return true;
        }
        hint = nearest(kind, kNames);
        if (!hint.empty()) hint += ".*";
        return false;
    }
    if (const auto found = find_permission(pattern)) {
        to.set(*found);
        return true;
    }
    hint = nearest(underlined(pattern), protocol::permissions());
    return false;
}

std::size_t letters_different(std::string_view a, std::string_view b) {
    constexpr std::size_t kLongest = 64; // of a word that could be meant
    if (a.size() > kLongest || b.size() > kLongest) return kLongest;
    std::array<std::size_t, kLongest + 1> row{};
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

} // namespace polyvirt::access
