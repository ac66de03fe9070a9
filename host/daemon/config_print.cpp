// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Writing: every setting, with its documentation and where its value comes from.
#include <algorithm>

#include <fmt/core.h>
#include <yaml-cpp/yaml.h>

#include "host/daemon/config.h"

namespace polyvirt::daemon {
namespace {

bool is_plain(std::string_view text) {
    const auto safe = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '.' || c == '/';
    };
    return !text.empty() && std::all_of(text.begin(), text.end(), safe);
}

std::string scalar(const std::string& text) {
    if (is_plain(text)) return text;
    YAML::Emitter out;
    out << YAML::DoubleQuoted << text;
    return out.c_str();
}

std::string value_of(const Setting& setting, const Value& value) {
    if (setting.kind != Kind::list) return scalar(written(setting, value));
    std::string out = "[";
    for (const std::string& element : value.list) out += (out.size() > 1 ? ", " : "") + scalar(element);
    return out + "]";
}

std::string origin_of(const Origin& origin) {
    if (!origin.given()) return origin.note.empty() ? "default" : "default, " + origin.note;
    std::string file = origin.file;
    std::replace_if(
        file.begin(), file.end(), [](char c) { return c == '\n' || c == '\r'; }, '?');
    return fmt::format("{}:{}", file, origin.line);
}

// The sections of `path` that are not open yet.
std::string open_sections(std::string_view path, std::vector<std::string>& open) {
    std::vector<std::string> wanted;
    for (std::size_t at = 0, dot = 0; (dot = path.find('.', at)) != std::string_view::npos; at = dot + 1)
        wanted.emplace_back(path.substr(at, dot - at));
    const auto common =
        std::mismatch(wanted.begin(), wanted.end(), open.begin(), open.end()).first - wanted.begin();
    std::string out;
    for (std::size_t i = static_cast<std::size_t>(common); i < wanted.size(); ++i)
        out += fmt::format("{:{}}{}:\n", "", 2 * i, wanted[i]);
    open = std::move(wanted);
    return out;
}

} // namespace

std::string Config::print() const {
    std::string out;
    std::vector<std::string> open;
    for (const Setting& setting : settings()) {
        const Entry& entry = this->entry(setting.path);
        out += open_sections(setting.path, open);
        const std::size_t indent = 2 * open.size();
        out += fmt::format("{:{}}# {}\n", "", indent, setting.doc);
        out += fmt::format("{:{}}{}: {} # {}\n", "", indent, setting.path.substr(setting.path.rfind('.') + 1),
                           value_of(setting, entry.value), origin_of(entry.origin));
    }
    if (!plugins_.empty()) out += "plugins:\n";
    for (const auto& [path, entry] : plugins_) // the free part, by paths, which load() reads as well
        out += fmt::format("  {}: {} # {}\n", scalar(path.substr(path.find('.') + 1)), scalar(entry.value),
                           origin_of(entry.origin));
    return out;
}

} // namespace polyvirt::daemon
