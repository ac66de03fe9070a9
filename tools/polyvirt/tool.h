// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Tool: what every subcommand of `polyvirt` has at hand: the options that all share, the daemon, and
// the way to print. A subcommand is a function in a file of its own that adds itself to the command
// line; main.cpp lists them.
//
//     void add_clients(CLI::App& app, Tool& tool) {
//         tool.command(app, "clients", "Who is connected", [&tool] {
//             return tool.show(tool.call("clients"), &print_clients);
//         });
//     }

#include <functional>
#include <optional>
#include <string>

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include "base/result.h"
#include "tools/polyvirt/connection.h"

namespace polyvirt::tools {

using nlohmann::json;

class Tool {
  public:
    void add_options(CLI::App& app);

    // A subcommand of `parent`; `act` runs when it was given, and its error ends the program with 1.
    CLI::App* command(CLI::App& parent, const std::string& name, const std::string& help,
                      std::function<Status()> act);
    // Asks the daemon; connects at the first time.
    [[nodiscard]] Result<json> call(const std::string& command, const json& arguments = json::object());
    // Prints as asked for with -o: the JSON itself, or what `as_text` makes of it on stdout.
    Status show(const Result<json>& answer, const std::function<void(const json&)>& as_text);

    [[nodiscard]] bool as_json() const { return output_ == "json"; }
    // After the command line was read: does what it asked for. The exit code.
    int run();

  private:
    std::string root_, socket_, output_ = "text";
    unsigned timeout_s_ = 30;
    std::optional<Connection> daemon_;
    std::function<Status()> chosen_;
};

// Subcommands, one file each.
void add_status(CLI::App& app, Tool& tool);
void add_clients(CLI::App& app, Tool& tool);
void add_call(CLI::App& app, Tool& tool);
void add_top(CLI::App& app, Tool& tool);
void add_why(CLI::App& app, Tool& tool);
void add_jobs(CLI::App& app, Tool& tool);
void add_policy(CLI::App& app, Tool& tool);
void add_plugin(CLI::App& app, Tool& tool);

} // namespace polyvirt::tools
