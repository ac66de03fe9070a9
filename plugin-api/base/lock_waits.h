// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// How often a lock was not to be had at once, and how long that took, by rung. Counted only when a thread
// has to wait, so a lock that is free costs what it did before. Of this module alone: a plugin has a
// copy of its own. Any thread.

#include <chrono>
#include <cstdint>

#include "base/lock_rank.h"

namespace polyvirt::lock_waits {

// Lives for as long as a thread waits for a lock of `rank`.
class Timer {
  public:
    explicit Timer(Rank rank) : rank_(rank), begin_(std::chrono::steady_clock::now()) {}
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

  private:
    const Rank rank_;
    const std::chrono::steady_clock::time_point begin_;
};

struct Sum {
    std::uint64_t waits = 0, ns = 0;
};
[[nodiscard]] Sum sum(Rank rank);

} // namespace polyvirt::lock_waits
