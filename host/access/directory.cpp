// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <cerrno>
#include <vector>

#include <grp.h>
#include <pwd.h>

#include "host/access/policy.h"

namespace polyvirt::access {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20; // of one entry: groups may have many members

template <typename Entry, typename Find>
std::optional<Entry> look_up(Find find, std::vector<char>& buffer) {
    for (buffer.resize(4096); buffer.size() <= kMostBytes; buffer.resize(buffer.size() * 4)) {
        Entry entry{};
        Entry* found = nullptr;
        const int result = find(&entry, buffer, &found);
        if (result == ERANGE) continue;
        if (found == nullptr) return std::nullopt;
        return entry;
    }
    return std::nullopt;
}

std::optional<std::uint32_t> user(const std::string& name) {
    std::vector<char> buffer;
    const auto found = look_up<passwd>(
        [&](passwd* entry, std::vector<char>& b, passwd** result) {
            return getpwnam_r(name.c_str(), entry, b.data(), b.size(), result);
        },
        buffer);
    if (!found) return std::nullopt;
    return found->pw_uid;
}

std::optional<std::uint32_t> group_id(const std::string& name) {
    std::vector<char> buffer;
    const auto found = look_up<group>(
        [&](group* entry, std::vector<char>& b, group** result) {
            return getgrnam_r(name.c_str(), entry, b.data(), b.size(), result);
        },
        buffer);
    if (!found) return std::nullopt;
    return found->gr_gid;
}

} // namespace

const Directory& system_directory() {
    static constexpr Directory kSystem{&user, &group_id};
    return kSystem;
}

} // namespace polyvirt::access
