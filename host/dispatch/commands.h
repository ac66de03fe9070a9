// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The commands of the `polyvirt` tool, as the daemon answers them: a name, and a function from JSON to
// JSON (docs/polyvirt.md says how one is added). Clients of the admin socket alone call them.
//
// Thread: a priority worker. A command looks and changes, but never waits: no driver, no call of
// another client, no file that may hang. One that must is marked `slow`, and runs on a thread where it holds
// up none but its like.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace polyvirt::dispatch {

class WireCall;

struct Command {
    std::string_view name;    // words apart by one space: "policy test"
    std::string_view summary; // one line
    // `arguments` is an object. What the library throws becomes an error of the call.
    Result<nlohmann::json> (*run)(WireCall& call, const nlohmann::json& arguments);
    bool slow = false;
};

// One table per file of commands; all of them in all_commands().
std::span<const Command> daemon_commands();
std::span<const Command> call_commands();
std::span<const Command> policy_commands();
std::span<const Command> plugin_commands();
std::span<const std::span<const Command>> all_commands();
// Null: there is no such command.
const Command* find_command(std::string_view name);

// Reading arguments. An error names the command's argument, what was found and what was expected.
namespace argument {

Result<std::string> text(const nlohmann::json& arguments, const char* name);
Result<std::optional<std::string>> optional_text(const nlohmann::json& arguments, const char* name);
Result<std::uint64_t> number(const nlohmann::json& arguments, const char* name);
Result<bool> flag(const nlohmann::json& arguments, const char* name); // missing: false
Result<std::optional<std::uint64_t>> optional_number(const nlohmann::json& arguments, const char* name);
// Every other name is refused: a mistyped one must not pass for "not given".
Status only(const nlohmann::json& arguments, std::initializer_list<std::string_view> names);

} // namespace argument

} // namespace polyvirt::dispatch
