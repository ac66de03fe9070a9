// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the daemon tells about itself, and where from: counters, published state and samples alone, so a
// scrape enters no driver, waits for no call and takes no lock for longer than a look. docs/metrics.md lists
// all names; a test holds it, and the dashboard, to what is served.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "host/metrics/exposition.h"
#include "host/metrics/guest_figures.h"

namespace polyvirt::dispatch {
class Dispatcher;
}
namespace polyvirt::plugin {
class Registry;
}

namespace polyvirt::metrics {

struct CollectOptions {
    std::string version;
    double started_s = 0;         // Unix time
    std::size_t max_domains = 0;  // guests beyond that are only counted
    GuestFigures::Options figures;
};

// Everything below, in this order.
void collect(Exposition& out, dispatch::Dispatcher& dispatcher, const CollectOptions& options, GuestFigures& figures);

// collect_calls.cpp: calls by procedure, errors.
void collect_calls(Exposition& out, const dispatch::Dispatcher& dispatcher);
// collect_host.cpp: process, workers, clients, loops, locks, events, plugins.
void collect_process(Exposition& out, const CollectOptions& options);
void collect_workers(Exposition& out, dispatch::Dispatcher& dispatcher);
void collect_clients(Exposition& out, dispatch::Dispatcher& dispatcher);
void collect_loops(Exposition& out, dispatch::Dispatcher& dispatcher);
void collect_locks(Exposition& out);
void collect_events(Exposition& out, dispatch::Dispatcher& dispatcher);
void collect_plugins(Exposition& out, dispatch::Dispatcher& dispatcher);

// collect_domains.cpp: guests, as their drivers publish them.
struct DomainSource {
    std::string driver;
    const plugin::Registry* registry;
    GuestFigures::SamplePtr sample = {}; // null: the driver tells no figures
};
void collect_domains(Exposition& out, std::span<const DomainSource> sources, std::size_t most);

} // namespace polyvirt::metrics
