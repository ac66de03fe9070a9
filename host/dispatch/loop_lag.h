// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// LoopLag: how late the daemon's loops are. Each look posts a probe to every loop that takes posts and
// says how long the probe before it took to run, or has waited so far; between looks it costs nothing.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/sync.h"

namespace polyvirt::dispatch {

class Dispatcher;

struct LoopState {
    std::string name;
    double busy_s = 0; // how long the callback that runs now holds it; 0: idle
    double lag_s = 0;  // from a post to its run
    bool probed = false;
};

class LoopLag {
  public:
    // Any thread, no lock held; does not wait.
    std::vector<LoopState> look(Dispatcher& dispatcher) PV_NO_LOCKS_HELD;

  private:
    struct Probe {
        std::atomic<std::int64_t> asked_ns{0}; // 0: none is under way
        std::atomic<std::int64_t> took_ns{0};
    };
    void probe(LoopState& state, const std::function<bool(std::function<void()>)>& post);

    Mutex mu_{Rank::leaf};
    // One per loop that was ever looked at; plugins are few.
    std::map<std::string, std::shared_ptr<Probe>> probes_ PV_GUARDED_BY(mu_);
};

} // namespace polyvirt::dispatch
