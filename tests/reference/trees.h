// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Documents as trees that can be held side by side.

#include <string>
#include <vector>

namespace polyvirt::reference {

std::string read_file(const std::string& path);
// One line per element with its attributes and text, behind its path; children of one name in order, of different
// names not.
std::vector<std::string> facts_of(const std::string& text);
// Values that the input does not give differ from run to run.
std::string hide_random(std::string text, const std::string& given);
void print_difference(const std::string& id, const std::string& mine, const std::string& theirs);

} // namespace polyvirt::reference
