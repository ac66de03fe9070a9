// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Permissions as rules and tables name them, "domain.start": numbers, kinds of objects, sets. The list
// itself comes from the wire's tables. Constant; any thread.

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace polyvirt::access {

// What a permission is about: the word before its dot.
enum class Kind : std::uint8_t {
    connect, // the connection to a driver: no object
    domain,
    interface,
    network,
    network_port,
    node_device,
    nwfilter,
    nwfilter_binding,
    secret,
    storage_pool,
    storage_vol,
};
inline constexpr std::size_t kKinds = 11;

// "storage_pool"
std::string_view kind_name(Kind kind);
// Takes '-' for '_' too.
std::optional<Kind> find_kind(std::string_view name);

// A place in protocol::permissions().
using Permission = std::uint16_t;
inline constexpr std::size_t kMaxPermissions = 256;
using PermissionSet = std::bitset<kMaxPermissions>;

std::string_view permission_name(Permission permission);
Kind permission_kind(Permission permission);
// Takes '-' for '_' too.
std::optional<Permission> find_permission(std::string_view name);
const PermissionSet& permissions_of(Kind kind);

// "*", "domain.*" or "domain.start". False: no such permission; `hint` is then the nearest one that there
// is, or empty.
bool add_permissions(std::string_view pattern, PermissionSet& to, std::string& hint);

// The candidate with the fewest letters different, if it is near enough to be meant.
template <typename Names> std::string nearest(std::string_view word, const Names& names);
std::size_t letters_different(std::string_view a, std::string_view b);

template <typename Names> std::string nearest(std::string_view word, const Names& names) {
    std::string best;
    std::size_t least = word.size() / 3 + 2;
    for (const auto& name : names) {
        const std::size_t n = letters_different(word, name);
        if (n < least) {
            least = n;
            best = name;
        }
    }
    return best;
}

} // namespace polyvirt::access
