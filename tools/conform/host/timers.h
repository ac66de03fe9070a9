// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What waits for the virtual clock. Under g_mu.

#include "tools/conform/host/host.h"

namespace polyvirt::conform {

// first_ns < 0: disarmed, but known.
void arm(pv_watch* watch, std::int64_t first_ns, std::int64_t period_ns) PV_REQUIRES(g_mu);
void disarm(pv_watch* watch) PV_REQUIRES(g_mu);

// Somebody waits on g_changed until then.
class Deadline {
  public:
    explicit Deadline(std::int64_t due) PV_REQUIRES(g_mu);
    ~Deadline() PV_REQUIRES(g_mu);
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

  private:
    std::multiset<std::int64_t>::iterator at_;
};

// Tells those whose time for getting a job is up.
void expire_jobs(std::int64_t now) PV_REQUIRES(g_mu);

} // namespace polyvirt::conform
