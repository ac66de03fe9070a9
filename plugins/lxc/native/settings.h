// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The lines of a configuration: "key = value", with the keys of version 1 turned into today's.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace polyvirt::lxc {

struct Setting {
    std::string key, value;
};
Result<std::vector<Setting>> read_settings(std::string_view config);
// The last value of a key; empty: it has none.
std::string value_of(const std::vector<Setting>& settings, std::string_view key);
std::vector<std::string> words_of(std::string_view text, std::string_view separators = " \t,");

} // namespace polyvirt::lxc
