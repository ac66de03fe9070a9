// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/work/parker.h"

#include <ctime>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace polyvirt::work {
namespace {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

void futex(std::atomic<std::uint32_t>& word, int op, std::uint32_t value, const timespec* until) {
    ::syscall(SYS_futex, &word, op | FUTEX_PRIVATE_FLAG, value, until, nullptr, FUTEX_BITSET_MATCH_ANY);
}

} // namespace

void Parker::park(TimePoint until) {
    std::uint32_t seen = kNothing;
    if (state_.compare_exchange_strong(seen, kSleeping)) {
        // steady_clock is CLOCK_MONOTONIC, by which FUTEX_WAIT_BITSET reckons, as an absolute time.
        timespec end{};
        if (until != TimePoint::max()) {
            const auto since = until.time_since_epoch();
            const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
            end = {.tv_sec = seconds.count(), .tv_nsec = std::chrono::nanoseconds(since - seconds).count()};
        }
        futex(state_, FUTEX_WAIT_BITSET, kSleeping, until != TimePoint::max() ? &end : nullptr);
    }
    state_.store(kNothing);
}

void Parker::unpark() {
    if (state_.exchange(kLetGo) == kSleeping) futex(state_, FUTEX_WAKE, 1, nullptr);
}

} // namespace polyvirt::work
