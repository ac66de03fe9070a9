// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/idle_stop.h"

#include <utility>

namespace polyvirt::daemon {

// Loop's thread only.
struct IdleStop::State {
    explicit State(Asked a) : asked(std::move(a)) {}

    void look() {
        const auto now = loop::Clock::now();
        if (asked.in_use()) {
            idle_since = now;
        } else if (now - idle_since >= timeout) {
            timer.disarm();
            asked.stop(timeout);
        }
    }

    const Asked asked;
    std::chrono::milliseconds timeout{0};
    loop::Clock::time_point idle_since;
    loop::Watch timer;
};

IdleStop::IdleStop(loop::EventLoop& loop, Asked asked)
    : loop_(loop), state_(std::make_shared<State>(std::move(asked))) {
    state_->timer = loop.add_timer([state = std::weak_ptr<State>(state_)] {
        if (const auto held = state.lock()) held->look();
    });
}

IdleStop::~IdleStop() = default;

void IdleStop::set_timeout(std::chrono::milliseconds timeout) {
    loop_.post([state = state_, timeout] {
        state->timeout = timeout;
        state->idle_since = loop::Clock::now();
        if (timeout.count() == 0)
            state->timer.disarm();
        else
            state->timer.arm(std::min(state->asked.period, timeout), state->asked.period);
    });
}

} // namespace polyvirt::daemon
