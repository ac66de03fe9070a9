// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Verdicts of a run, and how they are printed.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tools/conform/case.h"

namespace polyvirt::conform {

struct Outcome {
    const Case* test = nullptr;
    std::vector<std::string> failures{};
    std::string skipped{}; // why
    std::vector<std::string> log{};
    double seconds = 0;
    [[nodiscard]] bool failed() const { return !failures.empty(); }
};

using Profile = std::map<std::string, std::set<std::string>>;

struct Report {
    std::string plugin; // its file
    std::vector<Outcome> outcomes;
    Profile profile;
    [[nodiscard]] std::size_t failed() const;
    [[nodiscard]] std::size_t skipped() const;
};

std::string to_tap(const Report& report, bool verbose);
std::string to_junit(const Report& report);

} // namespace polyvirt::conform
