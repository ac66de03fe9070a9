// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Settings as the limits of servers and workers.

#include "host/daemon/config.h"
#include "host/rpc/limits.h"
#include "host/work/worker_pool.h"

namespace polyvirt::daemon {

// limits.* and keepalive.*, or admin_limits.* and admin_keepalive.*.
rpc::Limits server_limits(const Config& config, bool admin);
work::PoolLimits pool_limits(const Config& config);

// A reload: takes over what the two configurations differ in and nothing else, so that what an
// administrator changed meanwhile stays. True if anything was taken over.
bool change_limits(rpc::Limits& limits, const Config& was, const Config& now, bool admin);
bool change_limits(work::PoolLimits& limits, const Config& was, const Config& now);

} // namespace polyvirt::daemon
