// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/keepalive.h"

#include <gtest/gtest.h>

namespace polyvirt::rpc {
namespace {

using Action = Keepalive::Action;
using std::chrono::seconds;

class KeepaliveTest : public testing::Test {
  protected:
    void SetUp() override {
        keepalive.configure(seconds(5), 5);
        keepalive.start(now);
    }
    Action after(int s) {
        now += seconds(s);
        return keepalive.check(now);
    }
    Keepalive::TimePoint now{seconds(1000)};
    Keepalive keepalive;
};

TEST_F(KeepaliveTest, pings_five_times_and_gives_up_after_thirty_seconds) {
    EXPECT_EQ(after(4), Action::none);
    EXPECT_EQ(after(1), Action::ping);
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(after(4), Action::none);
        EXPECT_EQ(after(1), Action::ping);
    }
    EXPECT_EQ(after(4), Action::none);
    EXPECT_EQ(after(1), Action::dead); // 30 s
}

TEST_F(KeepaliveTest, any_packet_starts_the_count_anew) {
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(after(5), Action::ping);
    keepalive.heard(now);
    EXPECT_EQ(after(4), Action::none);
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(after(5), Action::ping);
    EXPECT_EQ(after(5), Action::dead);
}

TEST_F(KeepaliveTest, while_suspended_it_pings_and_never_gives_up) {
    keepalive.suspend(true, now);
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(after(5), Action::ping);
    keepalive.suspend(false, now);
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(after(5), Action::ping);
    EXPECT_EQ(after(5), Action::dead);
}

TEST_F(KeepaliveTest, an_interval_of_zero_switches_it_off) {
    keepalive.configure(seconds(0), 5);
    EXPECT_FALSE(keepalive.running());
    EXPECT_EQ(after(1000), Action::none);
}

} // namespace
} // namespace polyvirt::rpc
