// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "base/lock_waits.h"

#include <atomic>

namespace polyvirt::lock_waits {
namespace {

struct alignas(64) Count {
    std::atomic<std::uint64_t> waits{0}, ns{0};
};
constinit Count g_counts[8];

Count& count_of(Rank rank) { return g_counts[static_cast<unsigned>(rank) % 8]; }

} // namespace

Timer::~Timer() {
    const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - begin_);
    Count& count = count_of(rank_);
    count.waits.fetch_add(1, std::memory_order_relaxed);
    count.ns.fetch_add(static_cast<std::uint64_t>(took.count()), std::memory_order_relaxed);
}

Sum sum(Rank rank) {
    const Count& count = count_of(rank);
    return {count.waits.load(std::memory_order_relaxed), count.ns.load(std::memory_order_relaxed)};
}

} // namespace polyvirt::lock_waits
