// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/setting_checks.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <vector>

#include <grp.h>

#include <polyvirt/abi/base.h>

#include "host/metrics/metrics_service.h"
#include "host/plugin/manifest.h"

namespace polyvirt::daemon {
namespace {

constexpr std::size_t kMaxGroupEntry = std::size_t{1} << 20; // of one group with all its members
// What plugins' names are made of.
const std::string kPluginName = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

} // namespace

std::string check_absolute(std::string_view path) {
    return path.empty() || path.front() == '/' ? "" : "an absolute path";
}

std::string check_metrics_address(std::string_view address) {
    return address.empty() || metrics::parse_address(address)
               ? ""
               : "127.0.0.1:PORT, [::1]:PORT or the absolute path of a unix socket";
}

std::optional<gid_t> group_id(std::string_view group) {
    gid_t number = 0;
    const char* end = group.data() + group.size();
    const auto [stop, error] = std::from_chars(group.data(), end, number);
    if (error == std::errc() && stop == end) return number;
    const std::string name(group);
    std::vector<char> buffer(4096);
    for (;;) {
        struct group entry {};
        struct group* found = nullptr;
        const int failure = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
        if (failure == ERANGE && buffer.size() < kMaxGroupEntry) {
            buffer.resize(buffer.size() * 2);
            continue;
        }
        if (failure != 0 || found == nullptr) return std::nullopt;
        return entry.gr_gid;
    }
}

std::string check_group(std::string_view group) {
    return group.empty() || group_id(group) ? "" : "the name or number of a group of this system";
}

std::optional<std::uint64_t> version_number(std::string_view version) {
    std::array<std::uint64_t, 3> parts{};
    const char* at = version.data();
    const char* end = at + version.size();
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto [stop, error] = std::from_chars(at, end, parts.at(i));
        if (error != std::errc() || parts.at(i) > 999) return std::nullopt;
        at = stop;
        if (i + 1 < parts.size()) {
            if (at == end || *at != '.') return std::nullopt;
            ++at;
        }
    }
    if (at != end) return std::nullopt;
    return parts[0] * 1'000'000 + parts[1] * 1'000 + parts[2];
}

std::string check_version(std::string_view version) {
    return version_number(version) ? "" : "a version such as 9.0.0, each part at most 999";
}

std::string check_socket_name(std::string_view name) {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_';
    };
    const bool good = !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), fits);
    return good ? "" : "a name of at most 32 letters, digits, '-' and '_'";
}

std::string check_plugin_pattern(std::string_view pattern) {
    const bool good = !pattern.empty() && pattern.size() <= 64 &&
                      pattern.find_first_not_of(kPluginName + std::string("*?[]!")) == std::string_view::npos;
    return good ? "" : "the name of a plugin, or a pattern such as 'vendor-*'";
}

namespace {

// LEFT=PLUGIN; the left side.
std::optional<std::string_view> left_of_choice(std::string_view choice) {
    const std::size_t at = choice.find('=');
    if (at == std::string_view::npos || at == 0) return std::nullopt;
    const std::string_view plugin = choice.substr(at + 1);
    if (plugin.empty() || plugin.size() > 64 || plugin.find_first_not_of(kPluginName) != std::string_view::npos)
        return std::nullopt;
    return choice.substr(0, at);
}

} // namespace

std::string check_provider(std::string_view choice) {
    const auto kind = left_of_choice(choice);
    return kind && plugin::kind_from_name(*kind) != PV_KIND_NONE ? "" : "KIND=PLUGIN, such as network=NAME or pool=NAME";
}

std::string check_scheme(std::string_view choice) {
    return left_of_choice(choice) ? "" : "SCHEME=PLUGIN, such as test=NAME";
}

} // namespace polyvirt::daemon
