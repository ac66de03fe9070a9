// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/events.h"

#include <string>

#include "base/log.h"
#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::size_t kBudget = 64 << 10;

// The events thread is held until a test lets it go.
class EventBudget : public DriverTest {
  protected:
    void SetUp() override {
        started();
        shared->events.set_budget(kBudget);
        log::set_sink(
            [](void* self, log::Level, std::string_view, std::string_view text) {
                auto& test = *static_cast<EventBudget*>(self);
                const LeafLock lock(test.mu_);
                test.lines_.emplace_back(text);
            },
            this);
        hold();
    }
    void TearDown() override {
        let_go();
        log::set_sink(nullptr, nullptr);
        DriverTest::TearDown();
    }
    void hold() {
        held_ = std::make_shared<Signal>();
        shared->events.run([held = held_] { EXPECT_TRUE(held->wait()); });
    }
    void let_go() {
        held_->set();
        shared->events.flush();
    }
    pv_status post(const std::string& name, EventAccount& account) {
        pv_event event{};
        event.size = sizeof(event);
        event.kind = PV_KIND_DOMAIN;
        event.name = name.c_str();
        return shared->events.post(instance, account, event);
    }
    pv_status post(const std::string& name) { return post(name, account()); }
    EventAccount& account() { return instance->host()->event_account; }
    unsigned post_until_full() {
        unsigned taken = 0;
        while (post(std::to_string(taken)) == PV_OK) ++taken;
        return taken;
    }
    std::vector<std::string> lines() {
        const LeafLock lock(mu_);
        return lines_;
    }

  private:
    Mutex mu_{Rank::leaf};
    std::vector<std::string> lines_ PV_GUARDED_BY(mu_);
    std::shared_ptr<Signal> held_;
};

TEST_F(EventBudget, a_storm_takes_no_more_memory_than_it_may) {
    const unsigned taken = post_until_full();
    EXPECT_GT(taken, 10U);
    EXPECT_LE(taken, kBudget / sizeof(QueuedEvent)); // an event counts what it takes, not its payload alone
    EXPECT_LE(account().bytes.load(), kBudget);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(post("late"), PV_BUSY);
    EXPECT_EQ(instance->stats().events_dropped, 1001U);
    EXPECT_EQ(instance->stats().event_bytes, account().bytes.load());
    EXPECT_THAT(lines(), ElementsAre(HasSubstr("driver 'fake', instance 'main': events are being dropped")));

    let_go();
    EXPECT_EQ(account().bytes.load(), 0U);
    const auto told = sink.seen();
    ASSERT_EQ(told.size(), taken);
    for (unsigned i = 0; i < taken; ++i) EXPECT_EQ(told[i], std::to_string(i)); // what was taken, in order
    EXPECT_EQ(post("afterwards"), PV_OK);
    shared->events.flush();
    EXPECT_EQ(sink.seen().back(), "afterwards");
    EXPECT_THAT(lines().back(), HasSubstr("driver 'fake': its events are taken again; 1001 were dropped"));
}

TEST_F(EventBudget, another_driver_loses_nothing) {
    EventAccount other;
    post_until_full();
    EXPECT_EQ(post("of another one", other), PV_OK);
    EXPECT_EQ(post("of this one"), PV_BUSY);
    let_go();
    EXPECT_EQ(sink.seen().back(), "of another one");
    EXPECT_EQ(other.dropped.load(), 0U);
}

TEST_F(EventBudget, storms_that_follow_soon_are_counted_but_not_told) {
    for (int storm = 0; storm < 5; ++storm) {
        if (storm != 0) hold();
        post_until_full();
        let_go();
    }
    EXPECT_EQ(account().dropped.load(), 5U);
    EXPECT_EQ(lines().size(), 2U); // the first one: that it began, and what it cost
}

TEST_F(EventBudget, one_event_is_taken_however_large) {
    const std::string large(2 * kBudget, 'n');
    EXPECT_EQ(post(large), PV_OK);
    EXPECT_EQ(post("small"), PV_BUSY);
    let_go();
    EXPECT_THAT(sink.seen(), ElementsAre(large));
}

TEST_F(EventBudget, a_larger_budget_holds_from_the_next_event_on) {
    const unsigned taken = post_until_full();
    let_go();
    hold();
    shared->events.set_budget(4 * kBudget);
    EXPECT_GT(post_until_full(), 3 * taken);
}

} // namespace
} // namespace polyvirt::plugin
