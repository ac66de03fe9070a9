// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/config.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/assert.h"
#include "base/error_text.h"

namespace polyvirt::daemon {

Config::Config() {
    for (const Setting& setting : settings()) {
        Entry entry{.setting = &setting, .value = {}, .origin = {}};
        std::string_view rest = setting.fallback;
        Status good;
        if (setting.kind != Kind::list) good = read_value(setting, rest, entry.value);
        while (setting.kind == Kind::list && good && !rest.empty()) {
            const std::size_t end = std::min(rest.find(','), rest.size());
            good = read_value(setting, rest.substr(0, end), entry.value);
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        PV_ASSERT(good.has_value()); // the table's own defaults
        entries_.emplace(setting.path, std::move(entry));
    }
}

Result<Config> Config::load_or_error(const ConfigFiles& files) {
    Loaded loaded = load(files);
    if (loaded.problems.empty()) return std::move(loaded.config);
    std::string all;
    for (const std::string& problem : loaded.problems) all += (all.empty() ? "" : "\n") + problem;
    return make_error_text(ErrorCode::conf_syntax, ErrorDomain::conf, std::move(all));
}

const Config::Entry& Config::entry(std::string_view path) const {
    const auto found = entries_.find(path);
    PV_ASSERT(found != entries_.end());
    return found->second;
}

const Config::Entry& Config::entry(std::string_view path, Kind kind) const {
    const Entry& found = entry(path);
    PV_ASSERT(found.setting->kind == kind);
    return found;
}

bool Config::flag(std::string_view path) const { return entry(path, Kind::boolean).value.number != 0; }
std::int64_t Config::integer(std::string_view path) const { return entry(path, Kind::integer).value.number; }
std::uint64_t Config::size(std::string_view path) const {
    return static_cast<std::uint64_t>(entry(path, Kind::size).value.number);
}
std::chrono::milliseconds Config::duration(std::string_view path) const {
    return std::chrono::milliseconds(entry(path, Kind::duration).value.number);
}
std::uint32_t Config::mode(std::string_view path) const {
    return static_cast<std::uint32_t>(entry(path, Kind::mode).value.number);
}
const std::string& Config::text(std::string_view path) const {
    const Entry& found = entry(path);
    PV_ASSERT(found.setting->kind == Kind::text || found.setting->kind == Kind::choice);
    return found.value.text;
}
const std::vector<std::string>& Config::list(std::string_view path) const {
    return entry(path, Kind::list).value.list;
}
std::int64_t Config::number(std::string_view path) const {
    const Entry& found = entry(path);
    PV_ASSERT(found.setting->kind != Kind::text && found.setting->kind != Kind::choice &&
              found.setting->kind != Kind::list);
    return found.value.number;
}
const Origin& Config::origin(std::string_view path) const { return entry(path).origin; }

std::string Config::where(std::string_view path) const {
    const Origin& from = origin(path);
    return from.given() ? fmt::format("{}:{}: {}", from.file, from.line, path)
                        : fmt::format("{} (default)", path);
}

std::optional<std::string> Config::plugin_value(std::string_view path) const {
    const auto found = plugins_.find(path);
    if (found == plugins_.end()) return std::nullopt;
    return found->second.value;
}

bool Config::same(const Config& other, std::string_view path) const {
    return entry(path).value == other.entry(path).value;
}

std::vector<std::string> Config::changed(const Config& since) const {
    std::vector<std::string> out;
    for (const auto& [path, entry] : entries_)
        if (!same(since, path)) out.push_back(path);
    for (const auto& [path, value] : plugins_)
        if (since.plugin_value(path) != value.value) out.push_back(path);
    for (const auto& [path, value] : since.plugins_)
        if (!plugin_value(path)) out.push_back(path);
    return out;
}

} // namespace polyvirt::daemon
