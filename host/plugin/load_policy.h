// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What administrators say about loading, and what it means for one plugin. Plain data; any thread.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace polyvirt::plugin {

struct LoadPolicy {
    // In order: of two files with one id the first counts. One that is absent is worth a warning, unless it is
    // among those that need not be there.
    std::vector<std::string> folders;
    bool folders_may_be_absent = false;
    // Patterns of ids (fnmatch(3)). `allow` empty: all. What is in both is denied.
    std::vector<std::string> allow, deny;
    // Patterns. That an optional one is refused or does not start is no error; that a required one is absent or
    // does not run is one that the daemon does not start with.
    std::vector<std::string> required, optional;
    // Who serves what several plugins claim: kind (PV_KIND_*) and URI scheme to plugin.
    std::map<std::uint32_t, std::string> providers;
    std::map<std::string, std::string> schemes;
    // Safe mode: only these (patterns) are loaded at the start; others when somebody enables them.
    std::optional<std::vector<std::string>> only;
    // After so many crashes while it was loaded or started, a plugin is left out; 0: never.
    unsigned crash_limit = 3;
    // Where crashes and what was disabled are remembered; empty: nowhere.
    std::string record_folder;
};

[[nodiscard]] bool matches(const std::vector<std::string>& patterns, const std::string& id);
// Why the policy lets nobody load this; empty if it lets.
[[nodiscard]] std::string denial(const LoadPolicy& policy, const std::string& id);

} // namespace polyvirt::plugin
