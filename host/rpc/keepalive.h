// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Keepalive: decides when a silent client is pinged and when it counts as dead. No timer and no
// socket: it is asked with the time, so that tests move the clock. rpc-loop.

#include <chrono>

#include "host/loop/event_loop.h"

namespace polyvirt::rpc {

class Keepalive {
  public:
    using TimePoint = loop::Clock::time_point;
    using Duration = std::chrono::nanoseconds;
    enum class Action { none, ping, dead };

    // interval 0 = never.
    void configure(Duration interval, unsigned count) { interval_ = interval, count_ = count; }
    void start(TimePoint now) { running_ = true, last_ = now, pings_ = 0; }
    [[nodiscard]] bool started() const { return running_; }
    [[nodiscard]] bool running() const { return running_ && interval_ > Duration::zero(); }
    // Any packet arrived.
    void heard(TimePoint now) { last_ = now, pings_ = 0; }
    // The socket is not read just now: pings go out (they are what the client hears), silence is
    // not counted.
    void suspend(bool suspended, TimePoint now);
    // What is due.
    [[nodiscard]] Action check(TimePoint now);
    // When check() will next have something to do.
    [[nodiscard]] TimePoint next() const { return last_ + interval_; }

  private:
    bool running_ = false, suspended_ = false;
    Duration interval_{};
    unsigned count_ = 0, pings_ = 0;
    TimePoint last_{}; // of a packet of the client or of our last ping
};

} // namespace polyvirt::rpc
