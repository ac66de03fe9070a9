// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "base/lock_waits.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "base/sync.h"

namespace polyvirt {
namespace {

TEST(LockWaits, counts_nothing_while_locks_are_free) {
    Mutex mu{Rank::object};
    const auto before = lock_waits::sum(Rank::object);
    for (int i = 0; i < 1000; ++i) ObjectLock lock(mu);
    EXPECT_EQ(lock_waits::sum(Rank::object).waits, before.waits);
    EXPECT_EQ(lock_waits::sum(Rank::object).ns, before.ns);
}

TEST(LockWaits, counts_who_has_to_wait_under_the_rung_of_the_lock) {
    Mutex mu{Rank::driver};
    const auto before = lock_waits::sum(Rank::driver);
    const auto leaf = lock_waits::sum(Rank::leaf);
    std::atomic<bool> enough{false};
    const auto fight = [&] {
        while (!enough) {
            const DriverLock lock(mu);
            std::this_thread::yield();
        }
    };
    std::jthread one(fight), two(fight);
    while (lock_waits::sum(Rank::driver).waits < before.waits + 3) std::this_thread::yield();
    enough = true;
    one.join();
    two.join();
    EXPECT_GT(lock_waits::sum(Rank::driver).ns, before.ns);
    EXPECT_EQ(lock_waits::sum(Rank::leaf).waits, leaf.waits);
}

} // namespace
} // namespace polyvirt
