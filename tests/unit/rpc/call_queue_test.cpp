// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What is seen of calls in flight.
#include "host/rpc/call_queue.h"

#include <gtest/gtest.h>

#include "host/rpc/client.h"

namespace polyvirt::rpc {
namespace {

struct Shown final : RunningCall, std::enable_shared_from_this<Shown> {
    std::shared_ptr<RunningCall> pin() noexcept override { return weak_from_this().lock(); }
};

class CallPlaces : public testing::Test {
  protected:
    static Message message(std::uint32_t serial) {
        Message m;
        m.header.serial = serial;
        m.arrived_ns = serial * 10;
        return m;
    }
    CallPlace& begin(std::uint32_t serial, bool priority = false) {
        EXPECT_EQ(queue_.admit(priority, 0, limits_, true), CallQueue::Verdict::run);
        return *queue_.occupy(priority, message(serial));
    }
    std::vector<CallInFlight> look() const {
        std::vector<CallInFlight> all;
        queue_.look(all);
        return all;
    }

    Limits limits_;
    CallQueue queue_;
};

TEST_F(CallPlaces, show_what_runs) {
    begin(7);
    begin(8, true);
    const auto all = look();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].header.serial, 7u);
    EXPECT_EQ(all[0].arrived_ns, 70);
    EXPECT_FALSE(all[0].priority || all[0].waiting);
    EXPECT_EQ(all[0].call, nullptr);
    EXPECT_TRUE(all[1].priority);
}

TEST_F(CallPlaces, show_what_waits_behind_the_share) {
    limits_.max_in_flight = 1;
    CallPlace& first = begin(1);
    ASSERT_EQ(queue_.admit(false, 0, limits_, true), CallQueue::Verdict::wait);
    queue_.push(false, std::make_shared<Message>(message(2)));
    ASSERT_EQ(look().size(), 2u);
    EXPECT_TRUE(look()[1].waiting);
    queue_.ended(first);
    bool priority = true;
    const auto next = queue_.next(limits_, priority);
    ASSERT_NE(next, nullptr);
    EXPECT_EQ(queue_.occupy(priority, *next), &first) << "the place is used again";
    ASSERT_EQ(look().size(), 1u);
    EXPECT_EQ(look()[0].header.serial, 2u);
}

TEST_F(CallPlaces, keep_alive_the_call_that_is_looked_at) {
    CallPlace& place = begin(1);
    auto call = std::make_shared<Shown>();
    place.shown = call.get();
    const auto seen = look();
    EXPECT_EQ(seen[0].call, call);
    EXPECT_EQ(call.use_count(), 2);
    place.shown = nullptr;
    EXPECT_EQ(look()[0].call, nullptr);
}

TEST_F(CallPlaces, are_shown_by_the_slot_and_forgotten_at_the_end) {
    CallPlace& place = begin(1);
    auto call = std::make_shared<Shown>();
    place.shown = call.get();
    queue_.ended(place);
    EXPECT_TRUE(look().empty());
    EXPECT_EQ(queue_.running(), 0u);
    begin(2);
    EXPECT_EQ(look()[0].call, nullptr) << "the next call in this place shows the one before";
}

} // namespace
} // namespace polyvirt::rpc
