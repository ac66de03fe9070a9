// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/idle_stop.h"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

namespace polyvirt::daemon {
namespace {

using namespace std::chrono_literals;

class IdleStopTest : public testing::Test {
  protected:
    // Returns when the daemon has been looked at `n` more times.
    void wait_for_looks(unsigned n) {
        const unsigned until = looks_ + n;
        for (unsigned seen = looks_; seen < until; seen = looks_) looks_.wait(seen);
    }
    // Everything asked of the loop before has been done.
    void settle() {
        std::promise<void> done;
        loop_.post([&] { done.set_value(); });
        done.get_future().wait();
    }

    loop::EventLoop loop_{"test"};
    std::atomic<bool> used_{false};
    std::atomic<unsigned> looks_{0}, stops_{0};
    IdleStop idle_{loop_,
                   {.in_use =
                        [this] {
                            ++looks_;
                            looks_.notify_all();
                            return used_.load();
                        },
                    .stop =
                        [this](std::chrono::milliseconds) {
                            ++stops_;
                            stops_.notify_all();
                        },
                    .period = 1ms}};
    loop::LoopThread thread_{loop_};
};

TEST_F(IdleStopTest, stops_once_when_nobody_came_for_so_long) {
    idle_.set_timeout(3ms);
    stops_.wait(0);
    settle();
    EXPECT_EQ(stops_, 1u);
}

TEST_F(IdleStopTest, waits_until_it_is_not_used_any_more) {
    used_ = true;
    idle_.set_timeout(2ms);
    wait_for_looks(20); // ten times the timeout, as a look takes at least a period
    EXPECT_EQ(stops_, 0u);
    used_ = false;
    stops_.wait(0);
    EXPECT_EQ(stops_, 1u);
}

TEST_F(IdleStopTest, does_not_look_without_a_timeout) {
    used_ = true;
    idle_.set_timeout(1ms);
    wait_for_looks(2);
    idle_.set_timeout(0ms);
    settle();
    const unsigned looks = looks_;
    used_ = false;
    settle();
    EXPECT_EQ(looks_, looks);
    EXPECT_EQ(stops_, 0u);
}

TEST_F(IdleStopTest, may_go_while_its_loop_runs) {
    std::atomic<bool> stopped{false};
    {
        IdleStop other(loop_, {.in_use = [] { return false; }, .stop = [&](auto) { stopped = true; }, .period = 1ms});
        other.set_timeout(1h);
    }
    settle();
    EXPECT_FALSE(stopped);
}

} // namespace
} // namespace polyvirt::daemon
