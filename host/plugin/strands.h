// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Keeps a driver's declared concurrency: calls with one key are inside one at a time, the others wait here, not
// on a thread. Any thread; leaf. Few keys are taken at once (no more than there are workers), so each shard is a
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

#include "base/sync.h"
#include "host/plugin/call.h"
#include "host/plugin/op_catalog.h"

namespace polyvirt::plugin {

// A call ready to enter its driver.
struct Entry {
    std::shared_ptr<pv_call> call;
    OpFn fn = nullptr;
    const pv_obj* obj = nullptr;
    const void* in = nullptr;
    void* out = nullptr;
    bool priority = false; // does not block
};

class Strands {
  public:
    // True: the strand is the caller's until next(). False: taken; `entry` was queued (moved).
    bool take(std::uint64_t key, Entry& entry);
    // The caller's call is out: whose turn is next, for whom the strand stays taken; none: it is free.
    std::optional<Entry> next(std::uint64_t key);
    [[nodiscard]] std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

  private:
    struct Taken {
        std::uint64_t key;
        std::deque<Entry> queue;
    };
    struct alignas(64) Shard {
        Mutex mu{Rank::leaf};
        std::vector<std::unique_ptr<Taken>> taken PV_GUARDED_BY(mu);
        std::vector<std::unique_ptr<Taken>> spare PV_GUARDED_BY(mu); // kept, so that nothing is allocated per call
    };
    static constexpr std::size_t kShards = 64;
    Shard& shard_of(std::uint64_t key) { return shards_[key % kShards]; }

    std::array<Shard, kShards> shards_;
    std::atomic<std::size_t> waiting_{0};
};

} // namespace polyvirt::plugin
