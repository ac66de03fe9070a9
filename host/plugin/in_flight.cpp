// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/in_flight.h"

namespace polyvirt::plugin {
namespace {

std::atomic<std::size_t> g_threads{0};
constinit thread_local std::size_t t_number = 0; // 0: not given yet

} // namespace

InFlight::Shard& InFlight::mine() noexcept {
    if (t_number == 0) t_number = g_threads.fetch_add(1) + 1;
    return shards_[t_number % kShards];
}

void InFlight::wake() noexcept {
    const LeafLock lock(mu_);
    emptied_.notify_all();
}

std::uint64_t InFlight::entered() const {
    std::uint64_t n = 0;
    for (const Shard& shard : shards_) n += shard.entered.load();
    return n;
}

std::uint64_t InFlight::count() const {
    // Those that left first: a call that leaves in between is counted as inside, never the other way round.
    std::uint64_t n = 0;
    for (const Shard& shard : shards_) n += shard.left.load();
    return entered() - n;
}

bool InFlight::wait_empty(std::chrono::steady_clock::time_point until) {
    LeafLock lock(mu_);
    while (count() != 0)
        if (!emptied_.wait_until(lock, until)) return count() == 0;
    return true;
}

} // namespace polyvirt::plugin
