// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/daemon_hooks.h"

#include <csignal>
#include <utility>

#include <unistd.h>

#include "base/log.h"

namespace polyvirt::daemon {
namespace {

// The leader, which waits for signals, stops in order.
void stop(std::chrono::milliseconds idle) {
    log::info("daemon", "neither clients nor running guests for {} s: ending",
              std::chrono::duration_cast<std::chrono::seconds>(idle).count());
    ::kill(::getpid(), SIGTERM);
}

} // namespace

DaemonHooks::DaemonHooks(loop::EventLoop& loop, std::function<bool()> in_use)
    : idle_(loop, {.in_use = std::move(in_use), .stop = &stop}) {}

Status DaemonHooks::set_idle_timeout(unsigned seconds) {
    idle_.set_timeout(std::chrono::seconds(seconds));
    return {};
}

} // namespace polyvirt::daemon
