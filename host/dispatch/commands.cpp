// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/commands.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/error_text.h"

namespace polyvirt::dispatch {

std::span<const std::span<const Command>> all_commands() {
    static const std::span<const Command> kTables[] = {daemon_commands(), call_commands(), policy_commands(),
                                                        plugin_commands()};
    return kTables;
}

const Command* find_command(std::string_view name) {
    for (const auto table : all_commands())
        for (const Command& command : table)
            if (command.name == name) return &command;
    return nullptr;
}

namespace argument {
namespace {

using nlohmann::json;

Error wrong(const char* name, const json* found, const char* expected) {
    return make_error(ErrorCode::invalid_arg, ErrorDomain::admin, "argument '{}' is {}, expected {}", name,
                      found == nullptr ? "missing" : found->type_name(), expected);
}

const json* find(const json& arguments, const char* name) {
    const auto found = arguments.find(name);
    return found == arguments.end() || found->is_null() ? nullptr : &*found;
}

} // namespace

Result<std::optional<std::string>> optional_text(const json& arguments, const char* name) {
    const json* found = find(arguments, name);
    if (found == nullptr) return std::optional<std::string>{};
    if (!found->is_string()) return wrong(name, found, "a text");
    return std::optional(found->get<std::string>());
}

Result<std::string> text(const json& arguments, const char* name) {
    PV_ASSIGN_OR_RETURN(auto found, optional_text(arguments, name));
    if (!found) return wrong(name, nullptr, "a text");
    return *std::move(found);
}

Result<std::optional<std::uint64_t>> optional_number(const json& arguments, const char* name) {
    const json* found = find(arguments, name);
    if (found == nullptr) return std::optional<std::uint64_t>{};
    if (!found->is_number_unsigned()) return wrong(name, found, "a whole number from 0 on");
    return std::optional(found->get<std::uint64_t>());
}

Result<std::uint64_t> number(const json& arguments, const char* name) {
    PV_ASSIGN_OR_RETURN(const auto found, optional_number(arguments, name));
    if (!found) return wrong(name, nullptr, "a whole number from 0 on");
    return *found;
}

Result<bool> flag(const json& arguments, const char* name) {
    const json* found = find(arguments, name);
    if (found == nullptr) return false;
    if (!found->is_boolean()) return wrong(name, found, "true or false");
    return found->get<bool>();
}

Status only(const json& arguments, std::initializer_list<std::string_view> names) {
    for (const auto& item : arguments.items())
        if (std::find(names.begin(), names.end(), item.key()) == names.end())
            return make_error(ErrorCode::invalid_arg, ErrorDomain::admin, "unknown argument '{}'", item.key());
    return {};
}

} // namespace argument

} // namespace polyvirt::dispatch
