// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "base/sync.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace polyvirt {
namespace {

using namespace std::chrono_literals;

struct Counter {
    Mutex mu{Rank::leaf};
    CondVar cv;
    int value PV_GUARDED_BY(mu) = 0;
};

TEST(Sync, a_guard_excludes_other_threads) {
    Counter c;
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&c] {
            for (int i = 0; i < 10'000; ++i) {
                LeafLock lock(c.mu);
                ++c.value;
            }
        });
    threads.clear();
    LeafLock lock(c.mu);
    EXPECT_EQ(c.value, 40'000);
}

TEST(Sync, a_wait_ends_when_it_is_told) {
    Counter c;
    std::jthread other([&c] {
        {
            LeafLock lock(c.mu);
            c.value = 1;
        }
        c.cv.notify_one();
    });
    LeafLock lock(c.mu);
    while (c.value == 0) c.cv.wait(lock);
    EXPECT_EQ(c.value, 1);
}

TEST(Sync, a_wait_ends_at_its_time) {
    Counter c;
    const auto until = std::chrono::steady_clock::now() + 5ms;
    LeafLock lock(c.mu);
    while (c.cv.wait_until(lock, until)) {
    }
    EXPECT_GE(std::chrono::steady_clock::now(), until);
}

#if defined(PV_LOCK_CHECKS) && PV_LOCK_CHECKS

TEST(LockRank, the_whole_ladder_goes_down_and_again) {
    Mutex server{Rank::server}, client{Rank::client}, driver{Rank::driver}, object{Rank::object},
        leaf{Rank::leaf};
    for (int i = 0; i < 2; ++i) {
        ServerLock a(server);
        ClientLock b(client);
        DriverLock c(driver);
        ObjectLock d(object);
        LeafLock e(leaf);
        EXPECT_EQ(*lock_rank::slot(), 0x1f);
    }
    EXPECT_EQ(*lock_rank::slot(), 0);
    lock_rank::assert_none_held("test");
}

TEST(LockRank, each_thread_has_its_own_byte) {
    Mutex object{Rank::object};
    ObjectLock lock(object);
    std::jthread([] {
        EXPECT_EQ(*lock_rank::slot(), 0);
        Mutex server{Rank::server};
        ServerLock upper(server);
    }).join();
    EXPECT_EQ(*lock_rank::slot(), 8);
}

TEST(LockRank, a_provider_replaces_the_byte) {
    static std::uint8_t byte = 0;
    lock_rank::set_provider([](void*) noexcept { return &byte; }, nullptr);
    {
        Mutex driver{Rank::driver};
        DriverLock lock(driver);
        EXPECT_EQ(byte, 4);
    }
    lock_rank::set_provider(nullptr, nullptr);
    EXPECT_EQ(byte, 0);
}

// What clang refuses at compile time is reached here through functions, as it would be in a program
// that fools the analysis.
template <typename Guard> void with(Mutex& mu, void (*inner)(Mutex&), Mutex& other) PV_NO_TSA {
    Guard guard(mu);
    inner(other);
}
template <typename Guard> void take(Mutex& mu) { Guard guard(mu); }

class LockRankDeathTest : public testing::Test {
  protected:
    void SetUp() override { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
    Mutex server_{Rank::server}, client_{Rank::client}, driver_{Rank::driver},
        object_{Rank::object}, leaf_{Rank::leaf}, second_object_{Rank::object};
};

TEST_F(LockRankDeathTest, every_upward_pair_aborts) {
    EXPECT_DEATH(with<ClientLock>(client_, take<ServerLock>, server_),
                 "server wanted while holding client");
    EXPECT_DEATH(with<DriverLock>(driver_, take<ClientLock>, client_),
                 "client wanted while holding driver");
    EXPECT_DEATH(with<ObjectLock>(object_, take<DriverLock>, driver_),
                 "driver wanted while holding object");
    EXPECT_DEATH(with<LeafLock>(leaf_, take<ObjectLock>, object_),
                 "object wanted while holding leaf");
    EXPECT_DEATH(with<LeafLock>(leaf_, take<ServerLock>, server_),
                 "server wanted while holding leaf");
}

TEST_F(LockRankDeathTest, two_of_one_rung_abort) {
    EXPECT_DEATH(with<ObjectLock>(object_, take<ObjectLock>, second_object_),
                 "object wanted while holding object");
    EXPECT_DEATH(with<ObjectLock>(object_, take<ObjectLock>, object_),
                 "object wanted while holding object");
}

TEST_F(LockRankDeathTest, another_rungs_guard_aborts) {
    EXPECT_DEATH(take<LeafLock>(object_),
                 "object taken by another rung's guard while holding none");
}

TEST_F(LockRankDeathTest, a_held_lock_is_found_where_none_may_be) {
    EXPECT_DEATH(
        with<ObjectLock>(
            object_, [](Mutex&) { lock_rank::assert_none_held("releasing a closure"); }, leaf_),
        "lock order: releasing a closure while holding object");
    EXPECT_DEATH(
        with<ClientLock>(
            client_, [](Mutex&) { lock_rank::assert_host_none_held("entering a driver"); }, leaf_),
        "lock order: entering a driver while holding client");
    with<DriverLock>(
        driver_, [](Mutex&) { lock_rank::assert_host_none_held("entering a driver"); }, leaf_);
}

TEST_F(LockRankDeathTest, a_wait_under_another_lock_aborts) {
    EXPECT_DEATH(with<ObjectLock>(
                     object_,
                     [](Mutex& mu) {
                         CondVar cv;
                         LeafLock lock(mu);
                         cv.wait(lock);
                     },
                     leaf_),
                 "leaf waits for a condition while holding object leaf");
}

#endif

} // namespace
} // namespace polyvirt
