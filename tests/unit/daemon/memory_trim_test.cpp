// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/memory_trim.h"

#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace polyvirt::daemon {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

TEST(MemoryTrim, a_little_or_what_is_in_use_is_left_alone) {
    EXPECT_FALSE(worth_trimming({.resident = 3 * kMiB, .in_use = kMiB}));
    EXPECT_FALSE(worth_trimming({.resident = 100 * kMiB, .in_use = 90 * kMiB}));
    EXPECT_FALSE(worth_trimming({.resident = 100 * kMiB, .in_use = 0})); // unknown
    EXPECT_TRUE(worth_trimming({.resident = 10 * kMiB, .in_use = kMiB}));
}

// A burst: pieces of the size of a client's, the last of which stays and keeps the rest in the arena.
TEST(MemoryTrim, what_a_burst_left_is_given_back) {
    const MemoryUse first = memory_use();
    if (first.in_use == 0) GTEST_SKIP() << "a sanitizer's allocator does not say";
    ASSERT_GT(first.resident, 0U);
    loop::EventLoop loop("trim");
    std::vector<std::unique_ptr<std::vector<char>>> pieces;
    for (int i = 0; i < 10'000; ++i) pieces.push_back(std::make_unique<std::vector<char>>(4000, 'x'));
    const auto last = std::move(pieces.back());
    pieces.clear();
    ASSERT_TRUE(worth_trimming(memory_use()));
    const MemoryTrim trim(loop, std::chrono::milliseconds(1));
    const loop::LoopThread thread(loop);
    const auto until = loop::Clock::now() + std::chrono::seconds(20);
    while (worth_trimming(memory_use()) && loop::Clock::now() < until) std::this_thread::yield();
    EXPECT_FALSE(worth_trimming(memory_use()));
}

} // namespace
} // namespace polyvirt::daemon
