// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Care: the thread "care", for what administrators ask and may take long: enabling and disabling plugins, which
// enters drivers and waits for calls. One thing after another. Owned by the daemon.

#include <atomic>
#include <chrono>
#include <functional>

#include "host/loop/event_loop.h"

namespace polyvirt::daemon {

class Care {
  public:
    Care() = default;
    Care(const Care&) = delete;
    Care& operator=(const Care&) = delete;

    // Any thread; in order. False after the end: `work` will not run.
    bool post(std::function<void()> work);
    // Leader: what has begun ends, the rest does not run. False: it had not ended by `until`, the thread is left; then
    // this must not be destroyed.
    bool stop(std::chrono::steady_clock::time_point until);

  private:
    std::atomic<bool> ending_{false};
    loop::EventLoop loop_{"care"};
    loop::LoopThread thread_{loop_};
};

} // namespace polyvirt::daemon
