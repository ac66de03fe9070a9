// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// How many calls are inside an instance, and the gate in front of it. Each thread counts on a cache line of its
// own, so that two workers in one instance do not slow each other; only who waits for zero pays.

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/sync.h"

namespace polyvirt::plugin {

class InFlight {
  public:
    // Counts a call in. False: the gate is closed, it was not counted. [any] wait-free.
    bool enter() noexcept {
        Shard& shard = mine();
        shard.entered.fetch_add(1); // before the gate is looked at: close() sees one or the other
        if (!closed_.load()) return true;
        leave();
        return false;
    }
    // Counts a call in although the gate is closed: one that is refused, but ends as others do.
    void enter_refused() noexcept { mine().entered.fetch_add(1); }
    void leave() noexcept {
        mine().left.fetch_add(1);
        if (closed_.load()) wake();
    }
    void close() { closed_.store(true); }
    [[nodiscard]] bool closed() const { return closed_.load(); }
    // After close(): true when every call has left, false if `until` came first.
    bool wait_empty(std::chrono::steady_clock::time_point until);

    [[nodiscard]] std::uint64_t entered() const;
    [[nodiscard]] std::uint64_t count() const;

  private:
    struct alignas(64) Shard {
        std::atomic<std::uint64_t> entered{0}, left{0};
    };
    static constexpr std::size_t kShards = 32;

    Shard& mine() noexcept;
    void wake() noexcept;

    std::array<Shard, kShards> shards_;
    std::atomic<bool> closed_{false};
    Mutex mu_{Rank::leaf};
    CondVar emptied_;
};

} // namespace polyvirt::plugin
