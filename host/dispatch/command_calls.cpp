// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Commands about what the daemon is doing: top, why, jobs.

#include <algorithm>
#include <chrono>

#include <nlohmann/json.hpp>

#include "base/error_text.h"
#include "host/dispatch/calls_in_flight.h"
#include "host/dispatch/commands.h"
#include "host/dispatch/dispatcher.h"
#include "host/dispatch/wire_call.h"
#include "host/rpc/server.h"

namespace polyvirt::dispatch {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMostRows = 1000;

double now_s() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The bound below which `share` of the calls stayed, in seconds; above the last bound: that bound.
double quantile(const CallStats::Sum& sum, double share) {
    const double wanted = share * static_cast<double>(sum.count());
    double seen = 0;
    for (std::size_t i = 0; i + 1 < CallStats::kBuckets; ++i) {
        seen += static_cast<double>(sum.buckets[i]);
        if (seen >= wanted) return static_cast<double>(CallStats::bound_ns(i)) / 1e9;
    }
    return static_cast<double>(CallStats::bound_ns(CallStats::kBuckets - 2)) / 1e9;
}

json procedures(const CallStats& stats) {
    json list = json::array();
    for (const std::uint32_t program : protocol::programs())
        for (const protocol::ProcInfo& proc : protocol::procs(program)) {
            const CallStats::Sum sum = stats.sum(proc);
            if (sum.count() == 0) continue;
            list.push_back({{"program", protocol::program_name(program)},
                            {"procedure", proc.name},
                            {"calls", sum.count()},
                            {"failed", sum.failed},
                            {"seconds", static_cast<double>(sum.total_ns) / 1e9},
                            {"p50_below_s", quantile(sum, 0.5)},
                            {"p99_below_s", quantile(sum, 0.99)}});
        }
    return list;
}

json clients(const Dispatcher& dispatcher, std::uint64_t most) {
    std::vector<json> rows;
    for (const rpc::Server* server : dispatcher.servers())
        for (const auto& client : server->clients()) {
            const rpc::Client::Stats stats = client->stats();
            rows.push_back({{"server", server->name()},
                            {"id", client->id()},
                            {"calls", stats.calls},
                            {"in_flight", stats.in_flight},
                            {"queued", stats.queued},
                            {"unsent_bytes", stats.unsent_bytes}});
        }
    std::stable_sort(rows.begin(), rows.end(), [](const json& a, const json& b) {
        return a.at("calls").get<std::uint64_t>() > b.at("calls").get<std::uint64_t>();
    });
    if (rows.size() > most) rows.resize(most);
    return rows;
}

json loops(Dispatcher& dispatcher) {
    json list = json::array();
    for (const LoopState& loop : dispatcher.loop_lag().look(dispatcher)) {
        json row = {{"name", loop.name}, {"busy_s", loop.busy_s}};
        if (loop.probed) row["lag_s"] = loop.lag_s;
        list.push_back(std::move(row));
    }
    return list;
}

json workers(const Dispatcher& dispatcher) {
    const work::PoolStats stats = dispatcher.servers().front()->pool().stats();
    return {{"current", stats.workers},
            {"busy", stats.workers - std::min(stats.workers, stats.free_workers)},
            {"parked", stats.parked},
            {"priority", stats.prio_workers},
            {"queued", stats.queued},
            {"max", stats.limits.max_workers}};
}

Result<json> top(WireCall& call, const json& arguments) {
    PV_TRY(argument::only(arguments, {"rows"}));
    PV_ASSIGN_OR_RETURN(const auto asked, argument::optional_number(arguments, "rows"));
    const std::uint64_t rows = std::min(asked.value_or(50), kMostRows);
    Dispatcher& dispatcher = call.dispatcher();
    const CallsInFlight flight(dispatcher, call);
    json calls = json::array();
    for (const auto& one : flight.all()) {
        if (calls.size() >= rows) break;
        calls.push_back(flight.describe(one));
    }
    return json{{"now_s", now_s()},
                {"procedures", procedures(dispatcher.call_stats())},
                {"clients", clients(dispatcher, rows)},
                {"calls", std::move(calls)},
                {"calls_in_flight", flight.all().size()},
                {"workers", workers(dispatcher)},
                {"loops", loops(dispatcher)}};
}

Result<json> why(WireCall& call, const json& arguments) {
    PV_TRY(argument::only(arguments, {"serial", "client", "server"}));
    PV_ASSIGN_OR_RETURN(const auto serial, argument::optional_number(arguments, "serial"));
    PV_ASSIGN_OR_RETURN(const auto client, argument::optional_number(arguments, "client"));
    PV_ASSIGN_OR_RETURN(const auto server, argument::optional_text(arguments, "server"));
    const CallsInFlight flight(call.dispatcher(), call);
    json found = json::array();
    for (const auto& one : flight.all()) {
        if ((serial && one.seen.header.serial != *serial) || (client && one.client->id() != *client) ||
            (server && one.server->name() != *server))
            continue;
        if (found.size() >= kMostRows) break;
        found.push_back({{"stack", flight.explain(one)}});
    }
    if (found.empty() && serial)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::admin,
                          "no call with serial {} is in flight{}: it was answered, or never came", *serial,
                          client ? fmt::format(" of client {}", *client) : "");
    return found;
}

json describe(const plugin::JobLocks::Seen& job, const CallsInFlight& flight) {
    const CallsInFlight::Call* by = flight.by_id(job.call);
    return {{"class", job_class_name(job.job_class)},
            {"what", job.what},
            {"seconds", std::chrono::duration<double>(plugin::JobLocks::Clock::now() - job.since).count()},
            {"call", by != nullptr ? flight.describe(*by) : json(nullptr)}};
}

Result<json> jobs(WireCall& call, const json& arguments) {
    PV_TRY(argument::only(arguments, {}));
    const CallsInFlight flight(call.dispatcher(), call);
    json list = json::array();
    for (const JobOfObject& job : flight.jobs()) {
        json holders = json::array();
        json waiters = json::array();
        for (const auto& one : job.jobs.holders) holders.push_back(describe(one, flight));
        for (const auto& one : job.jobs.waiters) waiters.push_back(describe(one, flight));
        list.push_back({{"plugin", job.instance->plugin_id()},
                        {"instance", job.instance->key()},
                        {"object", describe_object(job.object)},
                        {"holders", std::move(holders)},
                        {"waiters", std::move(waiters)}});
    }
    return list;
}

constexpr Command kCommands[] = {
    {"top", "Calls by procedure and client, calls in flight, workers, loops", &top},
    {"why", "What calls in flight wait for, and who holds that", &why},
    {"jobs", "Who holds jobs on objects, and who waits for them", &jobs},
};

} // namespace

std::span<const Command> call_commands() { return kCommands; }

} // namespace polyvirt::dispatch
