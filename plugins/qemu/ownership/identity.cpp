// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "ownership/identity.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

constexpr std::size_t kBuffer = std::size_t{64} << 10;

std::optional<std::uint32_t> number_of(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    std::uint32_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && stop == end && !text.empty() && number != UINT32_MAX ? std::optional(number) : std::nullopt;
}

struct User {
    std::string name;
    std::uint32_t uid, gid;
};

// A name counts before a number, unless '+' says that it is one.
std::optional<User> find_user(std::string_view text) {
    std::vector<char> buffer(kBuffer);
    passwd entry{};
    passwd* found = nullptr;
    const auto number = number_of(text);
    if (!text.starts_with('+')) ::getpwnam_r(std::string(text).c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr && number) ::getpwuid_r(*number, &entry, buffer.data(), buffer.size(), &found);
    if (found != nullptr) return User{entry.pw_name, entry.pw_uid, entry.pw_gid};
    if (number) return User{std::to_string(*number), *number, *number};
    return std::nullopt;
}

std::optional<std::uint32_t> find_group(std::string_view text) {
    std::vector<char> buffer(kBuffer);
    group entry{};
    group* found = nullptr;
    if (!text.starts_with('+')) ::getgrnam_r(std::string(text).c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found != nullptr) return entry.gr_gid;
    return number_of(text);
}

std::vector<std::uint32_t> groups_of(const User& user, std::uint32_t gid) {
    std::vector<gid_t> groups(64);
    int count = static_cast<int>(groups.size());
    if (::getgrouplist(user.name.c_str(), user.gid, groups.data(), &count) < 0) {
        groups.resize(static_cast<std::size_t>(count));
        ::getgrouplist(user.name.c_str(), user.gid, groups.data(), &count);
    }
    groups.resize(static_cast<std::size_t>(std::max(count, 0)));
    std::erase(groups, gid);
    return groups;
}

} // namespace

bool Identity::in_group(std::uint32_t group) const {
    return group == gid || std::find(groups.begin(), groups.end(), group) != groups.end();
}

std::string Identity::label() const { return fmt::format("+{}:+{}", uid, gid); }

Result<Identity> identity_of(std::string_view user, std::string_view group) {
    const auto found = find_user(user);
    if (!found) return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "there is no user '{}'", user);
    std::optional<std::uint32_t> gid = find_group(group.empty() ? std::string_view(found->name) : group);
    if (!gid && !group.empty()) return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "there is no group '{}'", group);
    Identity identity{.uid = found->uid, .gid = gid.value_or(found->gid), .groups = {}, .user = found->name, .changes = false};
    identity.groups = groups_of(*found, identity.gid);
    identity.changes = identity.uid != ::geteuid() || identity.gid != ::getegid();
    return identity;
}

Result<Identity> identity_of_label(std::string_view label) {
    const std::size_t colon = label.find(':');
    if (label.empty()) return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "a label of the model dac is empty");
    return identity_of(label.substr(0, colon), colon == std::string_view::npos ? std::string_view() : label.substr(colon + 1));
}

Identity own_identity() {
    Identity own{.uid = ::geteuid(), .gid = ::getegid(), .groups = {}, .user = {}, .changes = false};
    const auto user = find_user(fmt::format("+{}", own.uid));
    own.user = user ? user->name : std::to_string(own.uid);
    own.groups.resize(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
    own.groups.resize(static_cast<std::size_t>(std::max(::getgroups(static_cast<int>(own.groups.size()), own.groups.data()), 0)));
    return own;
}

Result<Identity> default_identity(std::string_view user, std::string_view group, std::initializer_list<std::string_view> usual) {
    if (!user.empty()) return identity_of(user, group);
    if (::geteuid() != 0) return own_identity();
    for (const std::string_view name : usual)
        if (auto found = find_user(name)) return identity_of(name, group);
    return own_identity();
}

} // namespace polyvirt::qemu
