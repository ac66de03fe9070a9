// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// polyvirt why, jobs: what calls wait for, and who holds it.

#include <memory>
#include <optional>

#include <fmt/core.h>

#include "tools/polyvirt/text_table.h"
#include "tools/polyvirt/tool.h"

namespace polyvirt::tools {
namespace {

struct WhyOptions {
    std::optional<std::uint64_t> serial, client;
    std::string server;
};

std::string age_of(const json& row) { return span_of(row.at("seconds").get<double>()); }

std::string name_of(const json& call) {
    return fmt::format("call {} of client {} ({}): {}", cell(call, "serial"), cell(call, "client"),
                       cell(call, "server"), cell(call, "procedure"));
}

std::string object_named(const json& object) {
    return object.is_null() ? "an object that is gone" : cell(object, "kind") + " '" + cell(object, "name") + "'";
}

void print_waits(const json& waits, const std::string& indent) {
    fmt::print("{}{}\n", indent, cell(waits, "text"));
    if (const auto job = waits.find("job"); job != waits.end())
        fmt::print("{}job '{}' ({}) on {}, for {}; {} are waiting\n", indent, cell(*job, "what"), cell(*job, "class"),
                   object_named(job->at("object")), age_of(*job), cell(*job, "waiters"));
    for (const json& holder : waits.value("held_by", json::array()))
        fmt::print("{}held by '{}' ({}) for {}, of {}\n", indent, cell(holder, "what"), cell(holder, "class"),
                   age_of(holder), holder.at("call").is_null() ? "the driver itself" : name_of(holder.at("call")));
    const json behind = waits.value("behind", json::array());
    if (!behind.empty()) fmt::print("{}behind {} calls, the oldest is {}\n", indent, behind.size(), name_of(behind.front()));
}

void print_why(const json& found) {
    if (found.empty()) fmt::print("no call is in flight\n");
    for (const json& one : found) {
        std::string indent;
        for (const json& call : one.at("stack")) {
            fmt::print("{}{}{}\n", indent, indent.empty() ? "" : "there: ", name_of(call));
            indent += "  ";
            fmt::print("{}for {}{}\n", indent, age_of(call),
                       call.at("object").is_null() ? "" : ", on " + object_named(call.at("object")));
            if (!call.at("operation").is_null())
                fmt::print("{}in driver '{}', operation {}\n", indent, cell(call, "plugin"), cell(call, "operation"));
            for (const json& job : call.at("holds"))
                fmt::print("{}holds job '{}' ({}) for {}\n", indent, cell(job, "what"), cell(job, "class"), age_of(job));
            print_waits(call.at("waits_for"), indent);
        }
        fmt::print("\n");
    }
}

void print_jobs(const json& jobs) {
    TextTable table({"PLUGIN", "OBJECT", "ROLE", "JOB", "CLASS", ">SINCE", "CALL"});
    for (const json& job : jobs)
        for (const char* role : {"holders", "waiters"})
            for (const json& one : job.at(role))
                table.add({cell(job, "plugin"), object_named(job.at("object")), role[0] == 'h' ? "held" : "waited for",
                           cell(one, "what"), cell(one, "class"), age_of(one),
                           one.at("call").is_null() ? "-" : name_of(one.at("call"))});
    fmt::print("{}", table.text());
}

Status run_why(Tool& tool, const WhyOptions& options) {
    json arguments = json::object();
    if (options.serial) arguments["serial"] = *options.serial;
    if (options.client) arguments["client"] = *options.client;
    if (!options.server.empty()) arguments["server"] = options.server;
    return tool.show(tool.call("why", arguments), &print_why);
}

} // namespace

void add_why(CLI::App& app, Tool& tool) {
    const auto options = std::make_shared<WhyOptions>();
    CLI::App* added = tool.command(app, "why", "What calls in flight wait for, and who holds that since when",
                                   [&tool, options] { return run_why(tool, *options); });
    added->add_option("serial", options->serial, "Of the call; without: all calls in flight");
    added->add_option("--client", options->client, "Calls of this client alone");
    added->add_option("--server", options->server, "Calls of this server alone: polyvirtd or admin");
}

void add_jobs(CLI::App& app, Tool& tool) {
    tool.command(app, "jobs", "Who holds jobs on objects, and who waits for them",
                 [&tool] { return tool.show(tool.call("jobs"), &print_jobs); });
}

} // namespace polyvirt::tools
