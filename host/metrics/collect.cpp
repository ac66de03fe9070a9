// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/metrics/collect.h"

#include "host/dispatch/dispatcher.h"

namespace polyvirt::metrics {

void collect(Exposition& out, dispatch::Dispatcher& dispatcher, const CollectOptions& options, GuestFigures& figures) {
    collect_process(out, options);
    collect_calls(out, dispatcher);
    collect_workers(out, dispatcher);
    collect_clients(out, dispatcher);
    collect_loops(out, dispatcher);
    collect_locks(out);
    collect_events(out, dispatcher);
    collect_plugins(out, dispatcher);
    const auto instances = dispatcher.plugins().instances();
    std::vector<DomainSource> sources;
    for (const auto& instance : instances) 
        sources.push_back({instance->plugin_id(), &instance->registry(), figures.look(instance)});
    collect_domains(out, sources, options.max_domains);
}

} // namespace polyvirt::metrics
