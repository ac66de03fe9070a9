// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// polyvirt top: what the daemon does, as rates between two looks at its counters.

#include <algorithm>
#include <map>
#include <memory>

#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include "tools/polyvirt/text_table.h"
#include "tools/polyvirt/tool.h"

namespace polyvirt::tools {
namespace {

struct TopOptions {
    bool once = false;
    double interval_s = 2;
    unsigned rows = 20;
};

double number(const json& row, const char* key) { return row.at(key).get<double>(); }

std::string key_of(const json& row, const char* first, const char* second) {
    return row.at(first).dump() + " " + row.at(second).dump();
}

// What was counted between the two looks, per second, added to each row of `now`.
void add_rates(json& now, const json& before, const char* list, const char* first, const char* second, double seconds) {
    std::map<std::string, double> calls;
    for (const json& row : before.at(list)) calls[key_of(row, first, second)] = number(row, "calls");
    for (json& row : now.at(list)) {
        const auto found = calls.find(key_of(row, first, second));
        const double more = number(row, "calls") - (found == calls.end() ? 0 : found->second);
        row["calls_per_s"] = seconds > 0 ? more / seconds : 0;
    }
    auto& rows = now.at(list).get_ref<json::array_t&>();
    std::stable_sort(rows.begin(), rows.end(), [](const json& a, const json& b) {
        return number(a, "calls_per_s") > number(b, "calls_per_s");
    });
}

void compare(json& now, const json& before) {
    const double seconds = number(now, "now_s") - number(before, "now_s");
    now["interval_s"] = seconds;
    add_rates(now, before, "procedures", "program", "procedure", seconds);
    add_rates(now, before, "clients", "server", "id", seconds);
}

std::string object_of(const json& call) {
    const json& object = call.at("object");
    return object.is_null() ? "-" : cell(object, "kind") + " " + cell(object, "name");
}

void print_calls(const json& top, unsigned rows) {
    TextTable table({">AGE", "STATE", "SERVER", ">CLIENT", ">SERIAL", "PROCEDURE", "OBJECT", "PLUGIN"});
    for (const json& call : top.at("calls")) {
        if (rows-- == 0) break;
        table.add({span_of(number(call, "seconds")), cell(call, "state"), cell(call, "server"), cell(call, "client"),
                   cell(call, "serial"), cell(call, "procedure"), object_of(call), cell(call, "plugin")});
    }
    fmt::print("\n{} calls in flight, the oldest first ('polyvirt why SERIAL' explains one)\n{}",
               cell(top, "calls_in_flight"), table.text());
}

void print_busiest(const json& top, unsigned rows) {
    TextTable table({"PROCEDURE", ">CALLS/S", ">CALLS", ">FAILED", ">HALF BELOW", ">99% BELOW"});
    unsigned left = rows;
    for (const json& row : top.at("procedures")) {
        if (left-- == 0) break;
        table.add({cell(row, "procedure"), fmt::format("{:.1f}", number(row, "calls_per_s")), cell(row, "calls"),
                   cell(row, "failed"), span_of(number(row, "p50_below_s")), span_of(number(row, "p99_below_s"))});
    }
    TextTable clients({"SERVER", ">CLIENT", ">CALLS/S", ">CALLS", ">IN FLIGHT", ">QUEUED", ">UNSENT"});
    left = rows;
    for (const json& row : top.at("clients")) {
        if (left-- == 0) break;
        clients.add({cell(row, "server"), cell(row, "id"), fmt::format("{:.1f}", number(row, "calls_per_s")),
                     cell(row, "calls"), cell(row, "in_flight"), cell(row, "queued"),
                     bytes_of(number(row, "unsent_bytes"))});
    }
    fmt::print("\n{}\n{}", table.text(), clients.text());
}

void print_top(const json& top, unsigned rows) {
    const json& workers = top.at("workers");
    fmt::print("workers: {} of {} busy, {} parked; {} jobs wait\n", cell(workers, "busy"), cell(workers, "current"),
               cell(workers, "parked"), cell(workers, "queued"));
    std::string loops;
    for (const json& loop : top.at("loops"))
        if (loop.contains("lag_s") || number(loop, "busy_s") > 0.01)
            loops += fmt::format("{}{} {}", loops.empty() ? "" : ", ", cell(loop, "name"),
                                 span_of(std::max(loop.value("lag_s", 0.0), number(loop, "busy_s"))));
    fmt::print("loops are late by: {}\n", loops);
    print_calls(top, rows);
    print_busiest(top, rows);
}

Status run_top(Tool& tool, const TopOptions& options) {
    const json arguments = {{"rows", options.rows}};
    const bool screen = !options.once && !tool.as_json() && ::isatty(STDOUT_FILENO) != 0;
    PV_ASSIGN_OR_RETURN(json before, tool.call("top", arguments));
    while (true) {
        ::poll(nullptr, 0, static_cast<int>(options.interval_s * 1000));
        PV_ASSIGN_OR_RETURN(json now, tool.call("top", arguments));
        json shown = now;
        compare(shown, before);
        if (screen) fmt::print("\x1b[H\x1b[J");
        PV_TRY(tool.show(shown, [&](const json& top) { print_top(top, options.rows); }));
        std::fflush(stdout);
        if (options.once) return {};
        before = std::move(now);
    }
}

} // namespace

void add_top(CLI::App& app, Tool& tool) {
    const auto options = std::make_shared<TopOptions>();
    CLI::App* added = tool.command(app, "top", "What the daemon does: busiest calls and clients, calls in flight, loops",
                                   [&tool, options] { return run_top(tool, *options); });
    added->add_flag("--once", options->once, "One look instead of a table that is refreshed");
    added->add_option("--interval", options->interval_s, "Seconds between two looks")->check(CLI::Range(0.01, 3600.0));
    added->add_option("--rows", options->rows, "Rows of each table")->check(CLI::Range(1U, 1000U));
}

} // namespace polyvirt::tools
