// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The log's settings and its life within the process.

#include <string>

#include "base/result.h"
#include "host/daemon/config.h"

namespace polyvirt::daemon {

// From before any thread until the end of the process: what is queued is written then, if it can be.
class LogSession {
  public:
    LogSession();
    ~LogSession();
    LogSession(const LogSession&) = delete;
    LogSession& operator=(const LogSession&) = delete;
};

// log.*; `verbose` has everything logged, whatever log.level says.
Status configure_logging(const Config& config, bool verbose);

// Conditions on the elements of log.filters and log.outputs (setting_checks.h).
std::string check_log_filter(std::string_view text);
std::string check_log_output(std::string_view text);

} // namespace polyvirt::daemon
