// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// CallStats: how many calls of each procedure were answered, how long that took from their arrival, and
// how many failed with which code. Any thread, no lock: each thread counts in one of a few shards, so a
// call costs two additions on a cache line that hardly anybody else wants.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "host/protocol/proc_info.h"

namespace polyvirt::dispatch {

class CallStats {
  public:
    // Buckets by powers of four: the first holds what took less than 16.384 us, the last but one ends at
    // 68.7 s, the last holds the rest.
    static constexpr std::size_t kBuckets = 13;
    static constexpr std::int64_t kFirstBound_ns = 1 << 14;
    // Upper bound of a bucket but the last, in nanoseconds.
    static constexpr std::int64_t bound_ns(std::size_t bucket) { return kFirstBound_ns << (2 * bucket); }
    static std::size_t bucket_of(std::int64_t ns);

    struct Sum {
        std::array<std::uint64_t, kBuckets> buckets{};
        std::uint64_t total_ns = 0, failed = 0;
        [[nodiscard]] std::uint64_t count() const;
    };

    CallStats();
    ~CallStats();
    CallStats(const CallStats&) = delete;
    CallStats& operator=(const CallStats&) = delete;

    // `error` null: it succeeded.
    void add(const protocol::ProcInfo& proc, const Error* error, std::int64_t took_ns) noexcept;
    // A call that was refused before its procedure was known.
    void add_refused(const Error& error) noexcept;

    [[nodiscard]] Sum sum(const protocol::ProcInfo& proc) const;
    // By error code; those beyond the table are counted together, under the last one.
    static constexpr std::size_t kCodes = 128;
    [[nodiscard]] std::uint64_t errors(std::size_t code) const {
        return errors_[code].load(std::memory_order_relaxed);
    }

  private:
    struct Row;
    struct Shard;
    static constexpr std::size_t kShards = 8;

    [[nodiscard]] static std::size_t row_of(const protocol::ProcInfo& proc);
    Shard* mine() noexcept;

    // Made when a thread first counts there.
    std::array<std::atomic<Shard*>, kShards> shards_{};
    std::array<std::atomic<std::uint64_t>, kCodes> errors_{};
};

} // namespace polyvirt::dispatch
