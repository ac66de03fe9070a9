// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "native/settings.h"

#include <algorithm>

#include "base/error_text.h"

namespace polyvirt::lxc {
namespace {

std::string_view trim(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

constexpr std::pair<std::string_view, std::string_view> kNewNames[] = {
    {"lxc.rootfs", "lxc.rootfs.path"}, {"lxc.utsname", "lxc.uts.name"},  {"lxc.tty", "lxc.tty.max"},
    {"lxc.id_map", "lxc.idmap"},       {"lxc.mount", "lxc.mount.fstab"}, {"lxc.pts", "lxc.pty.max"},
    {"lxc.init_cmd", "lxc.init.cmd"}};

// Interfaces of version 1 begin with their type and have no number; their addresses have no ".address".
void renew_network(std::string& key, int& number) {
    constexpr std::string_view kOld = "lxc.network.";
    if (!key.starts_with(kOld)) return;
    std::string rest = key.substr(kOld.size());
    if (rest == "type") ++number;
    if (rest == "ipv4" || rest == "ipv6") rest += ".address";
    key = fmt::format("lxc.net.{}.{}", std::max(number, 0), rest);
}

} // namespace

Result<std::vector<Setting>> read_settings(std::string_view config) {
    std::vector<Setting> all;
    int number = -1;
    while (!config.empty()) {
        const std::size_t end = std::min(config.find('\n'), config.size());
        const std::string_view line = trim(config.substr(0, end));
        config.remove_prefix(std::min(end + 1, config.size()));
        if (line.empty() || line.front() == '#') continue;
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos)
            return make_error(ErrorCode::internal_error, ErrorDomain::lxc,
                              "'{}' is no line of a configuration, expected KEY = VALUE", line);
        Setting s{std::string(trim(line.substr(0, equals))), std::string(trim(line.substr(equals + 1)))};
        for (const auto& [old, now] : kNewNames)
            if (s.key == old) s.key = now;
        renew_network(s.key, number);
        all.push_back(std::move(s));
    }
    return all;
}

std::string value_of(const std::vector<Setting>& settings, std::string_view key) {
    const auto found = std::find_if(settings.rbegin(), settings.rend(), [&](const Setting& s) { return s.key == key; });
    return found == settings.rend() ? std::string() : found->value;
}

std::vector<std::string> words_of(std::string_view text, std::string_view separators) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(separators), text.size());
        if (end != 0) out.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

} // namespace polyvirt::lxc
