// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// polyvirt status, clients, call: the daemon at a glance.

#include <ctime>

#include <fmt/chrono.h>
#include <fmt/core.h>

#include "base/error_text.h"
#include "tools/polyvirt/text_table.h"
#include "tools/polyvirt/tool.h"

namespace polyvirt::tools {
namespace {

void print_status(const json& status) {
    fmt::print("polyvirtd {}, process {}\n", cell(status, "version"), cell(status, "pid"));
    const json& workers = status.at("workers");
    fmt::print("workers: {} ({} free, {} parked), {} to {} of them, {} with parked ones; {} priority; {} jobs wait\n\n",
               cell(workers, "current"), cell(workers, "free"), cell(workers, "parked"), cell(workers, "min"),
               cell(workers, "max"), cell(workers, "hard_cap"), cell(workers, "priority"), cell(workers, "queued"));
    TextTable servers({"SERVER", ">CLIENTS", ">UNAUTHENTICATED", ">ACCEPTED", ">TURNED AWAY"});
    for (const json& row : status.at("servers"))
        servers.add({cell(row, "name"), cell(row, "clients"), cell(row, "unauthenticated"), cell(row, "accepted"),
                     cell(row, "turned_away")});
    TextTable plugins({"PLUGIN", "VERSION", ">INSTANCES", "STATE"});
    for (const json& row : status.at("plugins"))
        plugins.add({cell(row, "id"), cell(row, "version"), cell(row, "instances"),
                     cell(row, "state") + (row.at("reason").get<std::string>().empty() ? "" : ": " + cell(row, "reason"))});
    fmt::print("{}\n{}", servers.text(), plugins.text());
}

std::string who(const json& client) {
    if (client.contains("sasl_user")) return cell(client, "sasl_user");
    if (client.contains("x509_dname")) return cell(client, "x509_dname");
    if (client.contains("uid")) return fmt::format("uid {}, process {}", cell(client, "uid"), cell(client, "pid"));
    return cell(client, "address");
}

void print_clients(const json& clients) {
    TextTable table({"SERVER", ">ID", "TRANSPORT", "WHO", "MODE", ">CALLS", ">IN FLIGHT", ">QUEUED", ">STREAMS",
                     ">UNSENT", ">CONNECTED"});
    const auto now = static_cast<double>(std::time(nullptr));
    for (const json& row : clients)
        table.add({cell(row, "server"), cell(row, "id"), cell(row, "transport"), who(row),
                   row.at("readonly").get<bool>() ? "ro" : "rw", cell(row, "calls"), cell(row, "in_flight"),
                   cell(row, "queued"), cell(row, "streams"), bytes_of(row.at("unsent_bytes").get<double>()),
                   span_of(now - row.at("connected_at").get<double>())});
    fmt::print("{}", table.text());
}

} // namespace

void add_status(CLI::App& app, Tool& tool) {
    tool.command(app, "status", "The daemon: version, workers, servers, plugins",
                 [&tool] { return tool.show(tool.call("status"), &print_status); });
}

void add_clients(CLI::App& app, Tool& tool) {
    tool.command(app, "clients", "Who is connected, and what each has in flight",
                 [&tool] { return tool.show(tool.call("clients"), &print_clients); });
}

void add_call(CLI::App& app, Tool& tool) {
    struct Words {
        std::string command, arguments = "{}";
    };
    const auto words = std::make_shared<Words>();
    CLI::App* added = tool.command(app, "call", "Any command of the daemon, with JSON there and back", [&tool, words] {
        const json arguments = json::parse(words->arguments, nullptr, false);
        if (!arguments.is_object())
            return Status(make_error(ErrorCode::invalid_arg, ErrorDomain::none,
                                     "'{}' is no JSON object", words->arguments));
        return tool.show(tool.call(words->command, arguments),
                         [](const json& answer) { fmt::print("{}\n", answer.dump(2)); });
    });
    added->add_option("command", words->command, "Its name; 'commands' lists them all")->required();
    added->add_option("arguments", words->arguments, "A JSON object");
}

} // namespace polyvirt::tools
