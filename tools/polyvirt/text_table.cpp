// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/polyvirt/text_table.h"

#include <algorithm>

#include <fmt/core.h>

namespace polyvirt::tools {
namespace {

// Places on a terminal, near enough: one per character of UTF-8.
std::size_t width_of(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

} // namespace

TextTable::TextTable(const std::vector<std::string>& columns) {
    for (const std::string& column : columns) {
        right_.push_back(column.starts_with('>'));
        heads_.push_back(column.substr(right_.back() ? 1 : 0));
    }
}

void TextTable::add(std::vector<std::string> row) {
    row.resize(heads_.size());
    rows_.push_back(std::move(row));
}

std::string TextTable::text() const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < heads_.size(); ++i) {
        std::size_t width = width_of(heads_[i]);
        for (const auto& row : rows_) width = std::max(width, width_of(row[i]));
        widths.push_back(width);
    }
    std::string out;
    const auto line = [&](const std::vector<std::string>& row) {
        std::string one;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string gap(widths[i] - width_of(row[i]), ' ');
            one += (i == 0 ? "" : "  ") + (right_[i] ? gap + row[i] : row[i] + gap);
        }
        out += one.erase(one.find_last_not_of(' ') + 1) + "\n";
    };
    line(heads_);
    for (const auto& row : rows_) line(row);
    return out;
}

std::string span_of(double seconds) {
    if (seconds <= 0) return "0 s";
    if (seconds < 1e-3) return fmt::format("{:.0f} us", seconds * 1e6);
    if (seconds < 1) return fmt::format("{:.1f} ms", seconds * 1e3);
    if (seconds < 120) return fmt::format("{:.1f} s", seconds);
    const auto minutes = static_cast<std::uint64_t>(seconds / 60);
    if (minutes < 120) return fmt::format("{} min", minutes);
    if (minutes < 60 * 48) return fmt::format("{} h {} min", minutes / 60, minutes % 60);
    return fmt::format("{} d {} h", minutes / 60 / 24, minutes / 60 % 24);
}

std::string bytes_of(double bytes) {
    const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    for (; bytes >= 1024 && unit + 1 < std::size(units); ++unit) bytes /= 1024;
    return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

std::string printable(const std::string& text) {
    std::string out;
    for (const char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        else
            out += c;
    return out;
}

std::string cell(const nlohmann::json& row, const char* key) {
    const auto found = row.find(key);
    if (found == row.end() || found->is_null()) return "-";
    if (found->is_string()) return printable(found->get<std::string>());
    if (found->is_boolean()) return found->get<bool>() ? "yes" : "no";
    return found->dump();
}

} // namespace polyvirt::tools
