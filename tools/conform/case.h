// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A case: one question about a plugin, answered in a process of its own. And what it says, from that process to the
// one that prints: failures, each addressed to the case that judges its kind, a reason to skip, lines of log, facts.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "tools/conform/audit/elf.h"
#include "tools/conform/audit/manifest.h"

namespace polyvirt::conform {

// What the command line asks for, and what is known of the file without running it.
struct Subject {
    std::string path;
    std::string uri; // "": the first of the manifest's schemes
    std::vector<std::pair<std::string, std::string>> documents; // kind, text
    std::vector<std::pair<std::string, std::string>> settings;  // of host.config
    std::uint64_t seed = 1;
    double patience = 20; // seconds of real time for one step
    bool starve_libraries = true; // faults.memory: what the plugin's libraries allocate fails too
    ElfFile elf;
    Manifest manifest;
};

struct Case {
    const char* name;  // "load.manifest"
    const char* rules; // of docs/plugin-abi.md, "R5 R22"
    const char* about; // one line
    const char* after; // the case that must have passed, or ""
    void (*run)(const Subject& subject);
};

std::span<const Case> all_cases();
const Case* find_case(std::string_view name);

// --- for the code of cases and the fake host, any thread ---------------------------------------------------------

// `judge`: the name of the case whose verdict it is; it may be seen in another.
void complain_text(std::string_view judge, std::string text);
template <typename... A> void complain(std::string_view judge, fmt::format_string<A...> f, A&&... a) {
    complain_text(judge, fmt::format(f, std::forward<A>(a)...));
}
[[nodiscard]] std::size_t complaints();

// Ends the case: it does not apply. The reason is part of the output.
struct Skip {
    std::string why;
};
// Ends the case: what it needs does not work (the reason has been complained about, or belongs to another case).
struct GiveUp {
    std::string why;
};

void log_line(std::string_view text);
template <typename... A> void log_text(fmt::format_string<A...> f, A&&... a) { log_line(fmt::format(f, std::forward<A>(a)...)); }
// A line of the plugin's profile: equal keys are collected.
void fact(std::string_view key, std::string_view value);
// What is being done: told if the process dies.
void step_text(std::string_view text);
template <typename... A> void step(fmt::format_string<A...> f, A&&... a) { step_text(fmt::format(f, std::forward<A>(a)...)); }

} // namespace polyvirt::conform
