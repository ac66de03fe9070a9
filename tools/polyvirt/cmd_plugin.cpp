// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// polyvirt plugin: which plugins the daemon has, what one is, enabling and disabling.

#include <array>
#include <filesystem>
#include <memory>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <fmt/core.h>

#include "base/error_text.h"
#include "host/plugin/plugin_file.h"
#include "host/plugin/service.h"
#include "tools/polyvirt/text_table.h"
#include "tools/polyvirt/tool.h"

namespace polyvirt::tools {
namespace {

struct Words {
    std::string name;
    bool now_only = false, force = false;
    unsigned wait_s = 10;
};

std::string join(const json& texts) {
    std::string all;
    for (const json& text : texts) all += (all.empty() ? "" : ", ") + text.get<std::string>();
    return all.empty() ? "-" : printable(all);
}

std::uint64_t sum(const json& row, const char* field) {
    std::uint64_t n = 0;
    for (const json& instance : row.at("instances")) n += instance.at(field).get<std::uint64_t>();
    return n;
}

std::string state_of(const json& row) {
    return cell(row, "state") + (row.at("required").get<bool>() ? ", required" : "") +
           (row.at("optional").get<bool>() ? ", optional" : "");
}

void print_list(const json& plugins) {
    TextTable table({"PLUGIN", "VERSION", "STATE", "URI", "KINDS", ">INSTANCES", ">OBJECTS", ">IN FLIGHT", "FILE"});
    for (const json& row : plugins)
        table.add({cell(row, "id"), cell(row, "version"), state_of(row), join(row.at("uri")), join(row.at("kinds")),
                   std::to_string(row.at("instances").size()), std::to_string(sum(row, "objects")),
                   std::to_string(sum(row, "calls_in_flight")), cell(row, "file")});
    fmt::print("{}", table.text());
    bool first = true;
    for (const json& row : plugins) {
        if (row.at("reason").get<std::string>().empty()) continue;
        fmt::print("{}{}: {}\n", first ? "\n" : "", row.at("id").get<std::string>().empty() ? cell(row, "file") : cell(row, "id"),
                   cell(row, "reason"));
        first = false;
    }
}

void print_inspection(const json& facts) {
    constexpr std::array<std::pair<const char*, const char*>, 15> kRows = {{{"id", "name"},
                                                                            {"version", "version"},
                                                                            {"type", "type"},
                                                                            {"state", "state"},
                                                                            {"abi", "plugin ABI"},
                                                                            {"provides", "tables"},
                                                                            {"needs", "services"},
                                                                            {"uri", "URI schemes"},
                                                                            {"kinds", "kinds"},
                                                                            {"serves", "serves"},
                                                                            {"uses", "uses"},
                                                                            {"file", "file"},
                                                                            {"size", "bytes"},
                                                                            {"owner", "owner"},
                                                                            {"sha256", "SHA-256"}}};
    for (const auto& [field, title] : kRows)
        if (facts.contains(field))
            fmt::print("{:<12} {}\n", title, facts.at(field).is_array() ? join(facts.at(field)) : cell(facts, field));
    fmt::print("{:<12} {}\n", "would load", facts.at("loads").get<bool>() ? "yes" : "no: " + cell(facts, "problem"));
}

// Without a daemon: what this release's would say that knows no configuration.
Result<json> inspect_offline(const std::string& path) {
    PV_ASSIGN_OR_RETURN(const plugin::PluginFile file, plugin::read_plugin_file(path));
    PV_ASSIGN_OR_RETURN(const plugin::Facts facts, plugin::file_facts(file));
    const Status good = plugin::check_plugin_file(file, plugin::service_offers());
    json answer = {{"loads", good.has_value()}, {"problem", good ? "" : good.error().message}};
    for (const plugin::Fact& fact : facts) answer[fact.name] = fact.is_list ? json(fact.values) : json(fact.values.front());
    return answer;
}

Result<json> inspect(Tool& tool, const std::string& name) {
    if (name.find('/') == std::string::npos) return tool.call("plugin inspect", {{"name", name}});
    std::error_code error;
    const std::string path = std::filesystem::absolute(name, error).lexically_normal().string();
    // A daemon knows more: who is denied, and who else serves the same. That none answers is no error.
    if (Result<json> known = tool.call("plugin inspect", {{"name", path}})) return known;
    return inspect_offline(path);
}

void print_state(const json& row) {
    fmt::print("{}: {}{}\n", cell(row, "id"), cell(row, "state"),
               row.at("reason").get<std::string>().empty() ? "" : ": " + cell(row, "reason"));
}

CLI::App* add_named(Tool& tool, CLI::App& parent, const std::string& name, const std::string& help,
                    const std::shared_ptr<Words>& words, std::function<Status()> act, const std::string& argument) {
    CLI::App* added = tool.command(parent, name, help, std::move(act));
    added->add_option("name", words->name, argument)->required();
    return added;
}

} // namespace

void add_plugin(CLI::App& app, Tool& tool) {
    CLI::App* plugin = app.add_subcommand("plugin", "Which plugins there are; enables and disables them");
    plugin->require_subcommand(1);
    plugin->fallthrough();
    const auto words = std::make_shared<Words>();
    tool.command(*plugin, "list", "Every plugin that was found, its state, and what runs of it",
                 [&tool] { return tool.show(tool.call("plugin list"), &print_list); });
    add_named(tool, *plugin, "inspect", "What a plugin says of itself, and whether it would be loaded", words,
              [&tool, words] { return tool.show(inspect(tool, words->name), &print_inspection); },
              "Its name, or the path of a file (with '/'), which needs no daemon and is not run");
    const auto enable = [&tool, words] {
        return tool.show(tool.call("plugin enable", {{"name", words->name}, {"now_only", words->now_only}}), &print_state);
    };
    const auto disable = [&tool, words] {
        return tool.show(tool.call("plugin disable", {{"name", words->name},
                                                      {"now_only", words->now_only},
                                                      {"force", words->force},
                                                      {"wait_s", words->wait_s}}),
                         &print_state);
    };
    CLI::App* enables =
        add_named(tool, *plugin, "enable", "Loads and starts a plugin, now and from now on", words, enable, "Its name");
    CLI::App* disables = add_named(tool, *plugin, "disable", "Ends a plugin, now and from now on; its guests go on", words,
                                   disable, "Its name");
    for (CLI::App* one : {enables, disables})
        one->add_flag("--now-only", words->now_only, "Until the daemon starts anew");
    disables->add_flag("--force", words->force, "Closes its connections, and lets other plugins go on without it");
    disables->add_option("--wait", words->wait_s, "Seconds for calls in flight to end")->check(CLI::Range(0U, 3600U));
}

} // namespace polyvirt::tools
