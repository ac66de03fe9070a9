// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Verbs for the tests of host/loop: a loop on its thread, sockets, and waits with a generous bound.

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/unique_fd.h"
#include "host/loop/event_loop.h"

namespace polyvirt::loop {

inline constexpr std::chrono::seconds kBound{60};

// Something that happens once, on another thread. Whoever waits may destroy it at once: set() holds
// on to what it still needs.
class Signal {
  public:
    void set() {
        const std::shared_ptr<State> keep = state_;
        keep->promise.set_value();
    }
    [[nodiscard]] bool wait() {
        return state_->future.wait_for(kBound) == std::future_status::ready;
    }
    [[nodiscard]] bool happened() {
        return state_->future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    }

  private:
    struct State {
        std::promise<void> promise;
        std::future<void> future = promise.get_future();
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

struct SocketPair {
    UniqueFd near, far;
    SocketPair() {
        int fds[2] = {-1, -1};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        near.reset(fds[0]);
        far.reset(fds[1]);
    }
    void send_byte() const { EXPECT_EQ(::write(far.get(), "x", 1), 1); }
    [[nodiscard]] bool read_byte() const {
        char c = 0;
        return ::read(near.get(), &c, 1) == 1;
    }
};

class LoopTest : public testing::Test {
  protected:
    // Runs `f` on the loop's thread and waits for it.
    template <typename F> void on_loop(F f) {
        Signal done;
        ASSERT_TRUE(loop_.post([&] {
            f();
            done.set();
        }));
        ASSERT_TRUE(done.wait());
    }
    // When it returns, the loop has dispatched what was ready before the call.
    void let_loop_turn() {
        for (int i = 0; i < 3; ++i) on_loop([] {});
    }

    EventLoop loop_{"test-loop"};
    LoopThread thread_{loop_};
};

} // namespace polyvirt::loop
