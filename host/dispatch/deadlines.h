// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Deadlines: the calls in drivers whose time is limited (the spec's `deadline`), in the order in which they began.
// A call whose time is over is answered "timed out" for the client, and cancelled; its driver may still end it, or
// hang on to it. Any thread; leaf, but for expire().

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/sync.h"
#include "host/dispatch/glue.h"
#include "host/loop/event_loop.h"

namespace polyvirt::dispatch {

class WireCall;

class Deadlines {
  public:
    // Part of each call.
    struct Node {
        WireCall* call = nullptr; // null: not in the list
        Node *before = nullptr, *after = nullptr;
        std::int64_t at_ns = 0;
    };

    // Before the first call; its thread answers what is overdue. Without one there are no deadlines.
    void set_loop(loop::EventLoop& loop);
    // Zero: none. For calls that begin from now on.
    void set(Deadline which, std::chrono::milliseconds time);
    // As CLOCK_MONOTONIC nanoseconds, for a call that begins now; 0: none.
    [[nodiscard]] std::int64_t end_of(Deadline which) const;

    // `node` is the call's, which takes it out before it goes.
    void add(Node& node, WireCall& call, std::int64_t at_ns);
    void remove(Node& node);

  private:
    void expire(); // rpc-loop, no lock held
    static void unlink(Node& node);

    std::atomic<std::int64_t> ns_[3] = {};
    std::atomic<bool> armed_{false};
    Mutex mu_{Rank::leaf};
    Node list_ PV_GUARDED_BY(mu_){nullptr, &list_, &list_, 0};
    loop::Watch timer_;
};

} // namespace polyvirt::dispatch
