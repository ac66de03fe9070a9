// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Columns of text, as wide as their widest cell; and the way in which numbers of daemons are shown.

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace polyvirt::tools {

class TextTable {
  public:
    // A column whose name begins with '>' is aligned to the right.
    explicit TextTable(const std::vector<std::string>& columns);
    void add(std::vector<std::string> row);
    // With a line of headings, each line ended.
    [[nodiscard]] std::string text() const;

  private:
    std::vector<std::string> heads_;
    std::vector<bool> right_;
    std::vector<std::vector<std::string>> rows_;
};

// "1.2 ms", "35 s", "2 h 5 min".
std::string span_of(double seconds);
// "812 B", "1.4 MiB".
std::string bytes_of(double bytes);
// A scalar as text without quotes; "-" for null, and what is missing.
std::string cell(const nlohmann::json& row, const char* key);
// Control characters of foreign texts (names of guests and clients) as \xNN: a terminal obeys them.
std::string printable(const std::string& text);

} // namespace polyvirt::tools
