// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/metrics_settings.h"

#include <ctime>

#include "base/log.h"

namespace polyvirt::daemon {

std::unique_ptr<metrics::MetricsService> start_metrics(const Config& config, dispatch::Dispatcher& dispatcher) {
    metrics::MetricsService::Settings settings;
    settings.listen = config.text("metrics.listen");
    if (settings.listen.empty()) return nullptr;
    settings.unix_mode = config.mode("metrics.mode");
    settings.http.max_connections = static_cast<unsigned>(config.integer("metrics.max_connections"));
    settings.http.deadline = config.duration("metrics.deadline");
    settings.collect.version = POLYVIRT_VERSION;
    settings.collect.started_s = static_cast<double>(std::time(nullptr));
    settings.collect.max_domains = static_cast<std::size_t>(config.integer("metrics.max_domains"));
    settings.collect.figures = {.max_age = config.duration("metrics.figures_age"),
                                .deadline = config.duration("calls.query_deadline"),
                                .max_guests = settings.collect.max_domains};
    auto started = metrics::MetricsService::start(dispatcher, std::move(settings));
    if (!started) {
        log::error("metrics", "{}; the daemon goes on without", started.error().message);
        return nullptr;
    }
    log::info("metrics", "metrics are told on {}", (*started)->where());
    return *std::move(started);
}

} // namespace polyvirt::daemon
