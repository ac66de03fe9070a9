// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/settings.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <span>
#include <utility>

#include "base/error_text.h"

namespace polyvirt::sdk {
namespace {

constexpr std::int64_t kMostUnits = 1'000'000;
constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
    {"ms", 1'000'000}, {"s", 1'000'000'000}, {"min", 60'000'000'000}, {"h", 3'600'000'000'000}};
constexpr std::string_view kYes[] = {"true", "yes", "on", "1"}, kNo[] = {"false", "no", "off", "0"};

bool is_one_of(std::string_view text, std::span<const std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
}

} // namespace

std::optional<std::int64_t> duration_of(std::string_view text) {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit = text.substr(static_cast<std::size_t>(stop - text.data()));
    for (const auto& [name, ns] : kUnits)
        if (error == std::errc() && unit == name && number >= 0 && number <= kMostUnits) return number * ns;
    return std::nullopt;
}

std::optional<std::string> SettingsReader::text(const char* key) const {
    std::string buffer(4096, '\0');
    if (s_.config->get(s_.host, key, buffer.data(), static_cast<std::uint32_t>(buffer.size())) != PV_OK) return std::nullopt;
    buffer.resize(std::strlen(buffer.c_str()));
    return buffer;
}

Error SettingsReader::wrong(const char* key, std::string_view found, std::string_view expected) const {
    return make_error(ErrorCode::conf_syntax, ErrorDomain::none, "plugins.{}.{}: found '{}', expected {}", driver_, key, found, expected);
}

Status SettingsReader::take(const char* key, std::string& to) const {
    if (auto found = text(key)) to = *std::move(found);
    return {};
}

Status SettingsReader::take(const char* key, bool& to) const {
    const auto found = text(key);
    if (!found) return {};
    if (!is_one_of(*found, kYes) && !is_one_of(*found, kNo)) return wrong(key, *found, "true or false");
    to = is_one_of(*found, kYes);
    return {};
}

Status SettingsReader::take(const char* key, std::int64_t& to_ns) const {
    const auto found = text(key);
    if (!found) return {};
    const auto ns = duration_of(*found);
    if (!ns) return wrong(key, *found, "a duration, such as 500ms, 30s or 5min");
    to_ns = *ns;
    return {};
}

} // namespace polyvirt::sdk
