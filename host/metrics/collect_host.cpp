// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>
#include <fstream>
#include <map>
#include <tuple>

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/lock_waits.h"
#include "host/dispatch/dispatcher.h"
#include "host/metrics/collect.h"
#include "host/rpc/server.h"

namespace polyvirt::metrics {
namespace {

using HostType = Exposition::Type;

void gauge(Exposition& out, const char* name, const char* help, double value) {
    out.family(name, HostType::gauge, help);
    out.sample({}, value);
}

void counter(Exposition& out, const char* name, const char* help, std::uint64_t value) {
    out.family(name, HostType::counter, help);
    out.sample({}, value);
}

double resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    double pages = 0, resident = 0;
    statm >> pages >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double entries_of(const char* folder) {
    DIR* dir = ::opendir(folder);
    if (dir == nullptr) return 0;
    double n = 0;
    while (const dirent* entry = ::readdir(dir)) // NOLINT(concurrency-mt-unsafe): a DIR of its own
        n += entry->d_name[0] != '.' ? 1 : 0;
    ::closedir(dir);
    return n;
}

double cpu_seconds() {
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) != 0) return 0;
    const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// A number of each server, as one family.
template <typename Value>
void per_server(Exposition& out, dispatch::Dispatcher& dispatcher, const char* name, HostType type, const char* help,
                const Value& value) {
    out.family(name, type, help);
    for (const rpc::Server* server : dispatcher.servers()) out.sample({{"server", server->name()}}, value(*server));
}

struct ClientSums {
    std::uint64_t in_flight = 0, queued = 0, streams = 0, unsent = 0;
};

} // namespace

void collect_process(Exposition& out, const CollectOptions& options) {
    out.family("polyvirt_info", HostType::gauge, "Always 1; the daemon's version");
    out.sample({{"version", options.version}}, 1.0);
    gauge(out, "polyvirt_start_time_seconds", "When the daemon began to serve, Unix time", options.started_s);
    out.family("process_cpu_seconds", HostType::counter, "Processor time of the daemon");
    out.sample({}, cpu_seconds());
    gauge(out, "process_resident_memory_bytes", "Memory of the daemon", resident_bytes());
    gauge(out, "process_open_fds", "Open descriptors", entries_of("/proc/self/fd"));
    gauge(out, "process_threads", "Threads", entries_of("/proc/self/task"));
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
        gauge(out, "process_max_fds", "Descriptors that the daemon may have open", static_cast<double>(limit.rlim_cur));
}

void collect_workers(Exposition& out, dispatch::Dispatcher& dispatcher) {
    const work::PoolStats pool = dispatcher.servers().front()->pool().stats();
    const unsigned free = std::min(pool.free_workers, pool.workers);
    out.family("polyvirt_workers", HostType::gauge, "Threads for calls; a parked one waits in a driver and is replaced");
    out.sample({{"state", "idle"}}, std::uint64_t{free});
    out.sample({{"state", "parked"}}, std::uint64_t{pool.parked});
    out.sample({{"state", "busy"}}, std::uint64_t{pool.workers - free - std::min(pool.parked, pool.workers - free)});
    gauge(out, "polyvirt_workers_max", "Threads for calls that there may be, parked ones not counted",
          pool.limits.max_workers);
    gauge(out, "polyvirt_workers_hard_cap", "Threads for calls that there may be in all", pool.limits.hard_cap);
    gauge(out, "polyvirt_workers_priority", "Further threads, for calls that never wait", pool.prio_workers);
    gauge(out, "polyvirt_worker_queue", "Calls and jobs that wait for a thread", static_cast<double>(pool.queued));
}

void collect_clients(Exposition& out, dispatch::Dispatcher& dispatcher) {
    std::map<std::tuple<std::string, std::string, bool>, std::uint64_t> clients;
    std::map<const rpc::Server*, ClientSums> sums;
    for (const rpc::Server* server : dispatcher.servers())
        for (const auto& client : server->clients()) {
            const rpc::Identity who = client->identity();
            const rpc::Client::Stats stats = client->stats();
            ++clients[{server->name(), transport_name(who.transport), who.readonly}];
            ClientSums& sum = sums[server];
            sum.in_flight += stats.in_flight;
            sum.queued += stats.queued;
            sum.streams += stats.streams;
            sum.unsent += stats.unsent_bytes;
        }
    out.family("polyvirt_clients", HostType::gauge, "Connections");
    for (const auto& [key, n] : clients)
        out.sample({{"server", std::get<0>(key)},
                    {"transport", std::get<1>(key)},
                    {"readonly", std::get<2>(key) ? "true" : "false"}},
                   n);
    using rpc::Server;
    const auto per = [&](const char* name, HostType type, const char* help, const auto& value) {
        per_server(out, dispatcher, name, type, help, value);
    };
    per("polyvirt_clients_max", HostType::gauge, "Connections that there may be",
        [](const Server& s) { return std::uint64_t{s.limits().max_clients}; });
    per("polyvirt_clients_unauthenticated", HostType::gauge, "Connections that have not authenticated yet",
        [](const Server& s) { return std::uint64_t{s.stats().anonymous}; });
    per("polyvirt_connections", HostType::counter, "Connections that were let in", [](const Server& s) { return s.stats().accepted; });
    per("polyvirt_connections_refused", HostType::counter, "Connections for which there was no place",
        [](const Server& s) { return s.stats().turned_away; });
    per("polyvirt_clients_cut_off", HostType::counter, "Clients that left too many events unread and were cut off",
        [](const Server& s) { return s.stats().cut_off; });
    per("polyvirt_received_bytes", HostType::counter, "Bytes read from clients", [](const Server& s) { return s.stats().received_bytes; });
    per("polyvirt_sent_bytes", HostType::counter, "Bytes written to clients", [](const Server& s) { return s.stats().sent_bytes; });
    per("polyvirt_input_held_bytes", HostType::gauge, "Packets held for calls that run or wait",
        [](const Server& s) { return std::uint64_t{s.stats().input_bytes}; });
    per("polyvirt_output_held_bytes", HostType::gauge, "What clients have not read yet", [&](const Server& s) { return sums[&s].unsent; });
    per("polyvirt_calls_in_flight", HostType::gauge, "Calls that run, or wait for a worker", [&](const Server& s) { return sums[&s].in_flight; });
    per("polyvirt_calls_queued", HostType::gauge, "Calls that wait as their client has its share running",
        [&](const Server& s) { return sums[&s].queued; });
    per("polyvirt_streams", HostType::gauge, "Open streams", [&](const Server& s) { return sums[&s].streams; });
}

void collect_loops(Exposition& out, dispatch::Dispatcher& dispatcher) {
    const std::vector<dispatch::LoopState> loops = dispatcher.loop_lag().look(dispatcher);
    out.family("polyvirt_loop_lag_seconds", HostType::gauge,
               "How long what was posted to a loop at the look before this one waited, or waits since");
    for (const auto& loop : loops)
        if (loop.probed) out.sample({{"loop", loop.name}}, loop.lag_s);
    out.family("polyvirt_loop_busy_seconds", HostType::gauge, "How long the callback that runs now has held a loop");
    for (const auto& loop : loops)
        if (loop.probed) out.sample({{"loop", loop.name}}, loop.busy_s);
    double longest = 0;
    std::uint64_t objects = 0;
    for (const auto& loop : loops) {
        if (loop.probed) continue;
        ++objects;
        longest = std::max(longest, loop.busy_s);
    }
    gauge(out, "polyvirt_object_loops", "Loops of single objects and pooled ones", static_cast<double>(objects));
    gauge(out, "polyvirt_object_loops_busy_seconds_max", "The longest that a callback holds one of these now", longest);
}

void collect_locks(Exposition& out) {
    constexpr std::pair<const char*, Rank> kRungs[] = {{"server", Rank::server},
                                                       {"client", Rank::client},
                                                       {"driver", Rank::driver},
                                                       {"object", Rank::object},
                                                       {"leaf", Rank::leaf}};
    out.family("polyvirt_lock_waits", HostType::counter, "How often a lock of the host was not to be had at once");
    for (const auto& [name, rank] : kRungs) out.sample({{"rung", name}}, lock_waits::sum(rank).waits);
    out.family("polyvirt_lock_wait_seconds", HostType::counter, "Time spent waiting for locks of the host");
    for (const auto& [name, rank] : kRungs)
        out.sample({{"rung", name}}, static_cast<double>(lock_waits::sum(rank).ns) / 1e9);
}

void collect_events(Exposition& out, dispatch::Dispatcher& dispatcher) {
    const std::uint64_t delivered = dispatcher.plugins().events().delivered();
    const std::uint64_t posted = dispatcher.plugins().events().posted();
    counter(out, "polyvirt_events_posted", "Events that drivers posted", posted);
    counter(out, "polyvirt_events_delivered", "Of these, those that the events thread has handed on", delivered);
    gauge(out, "polyvirt_events_queued", "Events that wait for the events thread",
          static_cast<double>(posted - std::min(posted, delivered)));
    counter(out, "polyvirt_event_messages", "Messages to subscribers", dispatcher.events().sent());
    counter(out, "polyvirt_event_messages_lost", "Messages to subscribers that were gone or just then cut off",
            dispatcher.events().lost());
}

void collect_plugins(Exposition& out, dispatch::Dispatcher& dispatcher) {
    struct Field {
        const char* name;
        HostType type;
        const char* help;
        std::uint64_t plugin::Instance::Stats::*value;
    };
    using Stats = plugin::Instance::Stats;
    constexpr Field kFields[] = {
        {"polyvirt_plugin_calls", HostType::counter, "Calls into a driver", &Stats::entered},
        {"polyvirt_plugin_calls_failed", HostType::counter, "Calls that a driver answered with an error", &Stats::failed},
        {"polyvirt_plugin_calls_in_flight", HostType::gauge, "Calls that are in a driver", &Stats::in_flight},
        {"polyvirt_plugin_calls_waiting", HostType::gauge, "Calls that wait for others on the same object", &Stats::waiting},
        {"polyvirt_plugin_callbacks", HostType::counter, "Callbacks of a driver on its loops", &Stats::callbacks},
        {"polyvirt_plugin_slow_callbacks", HostType::counter, "Callbacks that held a loop for more than 10 ms",
         &Stats::slow_callbacks},
        {"polyvirt_plugin_event_bytes", HostType::gauge, "What a driver's events hold that wait for the events thread",
         &Stats::event_bytes},
        {"polyvirt_plugin_events_dropped", HostType::counter, "Events of a driver that were dropped, as too many waited",
         &Stats::events_dropped},
        {"polyvirt_plugin_misbehaviour", HostType::counter, "Answers of a driver that broke the contract and were mended",
         &Stats::status_mended},
    };
    const auto plugins = dispatcher.plugins().list();
    out.family("polyvirt_plugin_info", HostType::gauge, "Always 1; plugins that were found, refused ones too");
    for (const auto& info : plugins)
        out.sample({{"plugin", info.id},
                    {"version", info.version},
                    {"path", info.path},
                    {"refused", info.refused ? "true" : "false"}}, 1.0);
    for (const Field& field : kFields) {
        out.family(field.name, field.type, field.help);
        for (const auto& info : plugins)
            for (const auto& instance : info.instances)
                out.sample({{"plugin", info.id}, {"instance", instance.key}}, instance.stats.*field.value);
    }
}

} // namespace polyvirt::metrics
