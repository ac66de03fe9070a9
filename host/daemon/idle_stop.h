// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// IdleStop: ends a daemon that nobody needs. While a timeout is set it looks once a second, on the loop,
// whether there is a client of any server or a running guest; after the timeout without either it calls
// `stop`, once. Without a timeout it costs nothing.

#include <chrono>
#include <functional>
#include <memory>

#include "host/loop/event_loop.h"

namespace polyvirt::daemon {

class IdleStop {
  public:
    struct Asked {
        std::function<bool()> in_use; // on the loop's thread, no lock held, as `stop`
        std::function<void(std::chrono::milliseconds idle)> stop;
        std::chrono::milliseconds period{1000};
    };
    // The loop outlives this; when this goes, the loop has ended, or `asked` may still be asked once.
    IdleStop(loop::EventLoop& loop, Asked asked);
    ~IdleStop();
    IdleStop(const IdleStop&) = delete;
    IdleStop& operator=(const IdleStop&) = delete;

    // Any thread; leaf. 0: never. Counts from here, or from the end of the last need.
    void set_timeout(std::chrono::milliseconds timeout);

  private:
    struct State;
    loop::EventLoop& loop_;
    const std::shared_ptr<State> state_;
};

} // namespace polyvirt::daemon
