// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/daemon_hooks.h"

#include <csignal>
#include <utility>

#include <unistd.h>

#include "base/log.h"
#include "host/logging/logger.h"

namespace polyvirt::daemon {
namespace {

// The leader, which waits for signals, stops in order.
void stop(std::chrono::milliseconds idle) {
    log::info("daemon", "neither clients nor running guests for {} s: ending",
              std::chrono::duration_cast<std::chrono::seconds>(idle).count());
    ::kill(::getpid(), SIGTERM);
}

dispatch::AdminHooks::LogSetting setting(logging::Logger::Shown shown) {
    return {.text = std::move(shown.text), .count = static_cast<unsigned>(shown.count)};
}

} // namespace

DaemonHooks::DaemonHooks(loop::EventLoop& loop, std::function<bool()> in_use, Care& care)
    : idle_(loop, {.in_use = std::move(in_use), .stop = &stop}), care_(care) {}

bool DaemonHooks::run_slowly(std::function<void()> work) { return care_.post(std::move(work)); }

Result<dispatch::AdminHooks::LogSetting> DaemonHooks::log_filters() {
    return setting(logging::Logger::instance().filters());
}

Result<dispatch::AdminHooks::LogSetting> DaemonHooks::log_outputs() {
    return setting(logging::Logger::instance().outputs());
}

Status DaemonHooks::set_log_filters(const std::string& filters) {
    return logging::Logger::instance().set_filters(filters);
}

Status DaemonHooks::set_log_outputs(const std::string& outputs) {
    return logging::Logger::instance().set_outputs(outputs);
}

Status DaemonHooks::set_idle_timeout(unsigned seconds) {
    idle_.set_timeout(std::chrono::seconds(seconds));
    return {};
}

} // namespace polyvirt::daemon
