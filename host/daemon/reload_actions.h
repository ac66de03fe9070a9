// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What a reload changes of the daemon's own: limits, workers, the log.

#include "host/daemon/reload.h"
#include "host/daemon/sockets.h"
#include "host/work/worker_pool.h"

namespace polyvirt::daemon {

// Leader. All of them outlive the reloader's last reload.
void add_reload_actions(Reloader& reloader, const Servers& servers, work::WorkerPool& pool, bool verbose);

} // namespace polyvirt::daemon
