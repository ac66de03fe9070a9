// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "launch/settings.h"

#include <charconv>
#include <cstring>
#include <optional>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

Error wrong(const char* setting, std::string_view found, std::string_view expected) {
    return make_error(ErrorCode::conf_syntax, ErrorDomain::qemu, "plugins.qemu.{}: found '{}', expected {}", setting, found, expected);
}

std::optional<std::string> text_of(const plugin::Services& s, const char* key) {
    std::string buffer(4096, '\0');
    if (s.config->get(s.host, key, buffer.data(), static_cast<std::uint32_t>(buffer.size())) != PV_OK) return std::nullopt;
    buffer.resize(std::strlen(buffer.c_str()));
    return buffer;
}

Status take(const plugin::Services& s, const char* key, std::string& to) {
    if (auto text = text_of(s, key)) to = *std::move(text);
    return {};
}

Status take(const plugin::Services& s, const char* key, bool& to) {
    const auto text = text_of(s, key);
    if (!text) return {};
    const bool yes = *text == "true" || *text == "yes" || *text == "on" || *text == "1";
    if (!yes && *text != "false" && *text != "no" && *text != "off" && *text != "0") return wrong(key, *text, "true or false");
    to = yes;
    return {};
}

Status take(const plugin::Services& s, const char* key, std::int64_t& to) {
    const auto text = text_of(s, key);
    if (!text) return {};
    PV_ASSIGN_OR_RETURN(to, duration_of(key, *text));
    return {};
}

} // namespace

Result<std::int64_t> duration_of(const char* setting, std::string_view text) {
    constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
        {"ms", 1'000'000}, {"s", 1'000'000'000}, {"min", 60'000'000'000}, {"h", 3'600'000'000'000}};
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit = text.substr(static_cast<std::size_t>(stop - text.data()));
    for (const auto& [name, ns] : kUnits)
        if (error == std::errc() && unit == name && number >= 0 && number <= 1'000'000) return number * ns;
    return wrong(setting, text, "a duration, such as 500ms, 30s or 5min");
}

Result<Settings> read_settings(const plugin::Services& s) {
    Settings r;
    PV_TRY(take(s, "user", r.user));
    PV_TRY(take(s, "group", r.group));
    PV_TRY(take(s, "dynamic_ownership", r.dynamic_ownership));
    PV_TRY(take(s, "cgroups", r.cgroups));
    PV_TRY(take(s, "seccomp", r.seccomp));
    PV_TRY(take(s, "monitor.timeout", r.monitor_timeout_ns));
    PV_TRY(take(s, "autostart.delay", r.autostart_delay_ns));
    PV_TRY(take(s, "hook_timeout", r.hook_timeout_ns));
    PV_TRY(take(s, "dump_folder", r.dump_folder));
    return r;
}

} // namespace polyvirt::qemu
