// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/loop/watchdog.h"

#include <atomic>
#include <vector>

#include "loop_fixture.h"

namespace polyvirt::loop {
namespace {

using namespace std::chrono_literals;

TEST_F(LoopTest, the_watchdog_names_a_loop_that_is_held_and_then_that_it_goes_on) {
    Signal held;
    Signal over;
    std::vector<Watchdog::Report> reports;
    Watchdog dog(5ms, [&](const Watchdog::Report& report) {
        reports.push_back(report);
        (report.over ? over : held).set();
    });
    dog.add(loop_);
    on_loop([&] {
        const EventLoop::Running running(loop_, "qemu/monitor-1", this);
        EXPECT_TRUE(held.wait());
    });
    ASSERT_TRUE(over.wait());
    dog.remove(loop_);
    ASSERT_EQ(reports.size(), 2U);
    EXPECT_EQ(reports[0].loop, "test-loop");
    EXPECT_FALSE(reports[0].over);
    EXPECT_EQ(reports[0].what.owner, "qemu/monitor-1");
    EXPECT_EQ(reports[0].what.code, this);
    EXPECT_GE(reports[0].held, 5ms);
    EXPECT_TRUE(reports[1].over);
    EXPECT_GE(reports[1].held, reports[0].held);
}

TEST_F(LoopTest, the_watchdog_is_silent_about_an_idle_loop) {
    std::atomic<int> reports{0};
    Watchdog dog(5ms, [&](const Watchdog::Report&) { ++reports; });
    dog.add(loop_);
    EventLoop clock("clock");
    LoopThread clock_thread(clock);
    Signal later;
    Watch timer = clock.add_timer([&] { later.set(); });
    timer.arm(50ms);
    ASSERT_TRUE(later.wait());
    dog.remove(loop_);
    EXPECT_EQ(reports, 0);
}

} // namespace
} // namespace polyvirt::loop
