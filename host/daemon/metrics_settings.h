// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// metrics.*: the HTTP listener as configured.

#include <memory>

#include "host/daemon/config.h"
#include "host/metrics/metrics_service.h"

namespace polyvirt::daemon {

// Null when none is configured, or when it cannot listen: that is logged, as guests are worth more than
// their figures.
std::unique_ptr<metrics::MetricsService> start_metrics(const Config& config, dispatch::Dispatcher& dispatcher);

} // namespace polyvirt::daemon
