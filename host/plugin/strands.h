// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Keeps a driver's declared concurrency, and every object's share of the workers: of the calls with one key so many
// are inside at a time as the key's share allows, the others wait here, not on a thread. Any thread; leaf. Few keys are taken at once (no more than there are workers), so each shard is a
// short list.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <polyvirt/abi/check.h>

#include "base/sync.h"
#include "host/plugin/call.h"
#include "host/plugin/op_catalog.h"

namespace polyvirt::plugin {

// A call ready to enter its driver.
struct Entry {
    std::shared_ptr<Call> call;
    OpFn fn = nullptr;
    const pv_obj* obj = nullptr;
    const void* in = nullptr;
    void* out = nullptr;
    bool priority = false; // does not block
    std::uint32_t thread = PV_THREAD_WORKER; // what its thread is meanwhile
};

class Strands {
  public:
    enum class Taken { entered, queued, full };
    // entered: one place of at most `share` (the same for all calls of a key) is the caller's until next().
    // queued: none was free, `entry` waits (moved). full: too many wait already; nothing was done.
    Taken take(std::uint64_t key, unsigned share, Entry& entry);
    // The caller's call is out: whose turn is next, who has the caller's place now; none: the place is free.
    std::optional<Entry> next(std::uint64_t key);
    [[nodiscard]] std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

  private:
    struct Strand {
        std::uint64_t key;
        unsigned inside;
        std::deque<Entry> queue;
    };
    struct alignas(64) Shard {
        Mutex mu{Rank::leaf};
        std::vector<std::unique_ptr<Strand>> taken PV_GUARDED_BY(mu);
        std::vector<std::unique_ptr<Strand>> spare PV_GUARDED_BY(mu); // kept, so that nothing is allocated per call
    };
    static constexpr std::size_t kShards = 64;
    // Of one key, and of all together.
    static constexpr std::size_t kMaxWaiting = 10'000, kMaxWaitingInAll = 100'000;
    Shard& shard_of(std::uint64_t key) { return shards_[key % kShards]; }

    std::array<Shard, kShards> shards_;
    std::atomic<std::size_t> waiting_{0};
};

} // namespace polyvirt::plugin
