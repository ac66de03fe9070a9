// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/call_stats.h"

#include <algorithm>
#include <bit>
#include <new>
#include <numeric>
#include <vector>

namespace polyvirt::dispatch {
namespace {

// Where each program's procedures begin among all rows, and their number in all.
struct Rows {
    struct Program {
        std::uint32_t number;
        std::size_t first;
    };
    std::vector<Program> programs;
    std::size_t count = 0;

    Rows() {
        for (const std::uint32_t program : protocol::programs()) {
            programs.push_back({program, count});
            count += protocol::procs(program).size();
        }
    }
};

const Rows& rows() {
    static const Rows kRows;
    return kRows;
}

std::atomic<std::size_t> g_threads{0};
constinit thread_local std::size_t t_number = 0; // 0: not given yet

void more(std::atomic<std::uint64_t>& n, std::uint64_t by = 1) { n.fetch_add(by, std::memory_order_relaxed); }

std::size_t code_of(const Error& error) {
    const auto code = static_cast<std::int32_t>(error.code);
    return code < 0 ? CallStats::kCodes - 1 : std::min<std::size_t>(static_cast<std::size_t>(code), CallStats::kCodes - 1);
}

} // namespace

struct CallStats::Row {
    std::array<std::atomic<std::uint64_t>, kBuckets> buckets{};
    std::atomic<std::uint64_t> total_ns{0}, failed{0};
};

struct alignas(64) CallStats::Shard {
    std::vector<Row> rows = std::vector<Row>(dispatch::rows().count);
};

std::size_t CallStats::bucket_of(std::int64_t ns) {
    const auto units = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0)) / kFirstBound_ns;
    // 0: bucket 0; 1 to 3: 1; 4 to 15: 2; ...
    return std::min<std::size_t>((static_cast<std::size_t>(std::bit_width(units)) + 1) / 2, kBuckets - 1);
}

std::uint64_t CallStats::Sum::count() const {
    return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
}

CallStats::CallStats() { rows(); }

CallStats::~CallStats() {
    for (auto& shard : shards_) delete shard.load();
}

std::size_t CallStats::row_of(const protocol::ProcInfo& proc) {
    for (const auto& program : rows().programs)
        if (program.number == proc.program) return program.first + static_cast<std::size_t>(proc.id) - 1;
    return 0; // every ProcInfo is of a program of the tables
}

CallStats::Shard* CallStats::mine() noexcept {
    if (t_number == 0) t_number = g_threads.fetch_add(1) + 1;
    auto& shard = shards_[t_number % kShards];
    Shard* found = shard.load(std::memory_order_acquire);
    if (found != nullptr) return found;
    try {
        auto fresh = std::make_unique<Shard>();
        if (shard.compare_exchange_strong(found, fresh.get(), std::memory_order_acq_rel)) return fresh.release();
        return found; // another thread of this shard was faster
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void CallStats::add(const protocol::ProcInfo& proc, const Error* error, std::int64_t took_ns) noexcept {
    if (error != nullptr) more(errors_[code_of(*error)]);
    Shard* shard = mine();
    if (shard == nullptr) return; // out of memory: calls go on uncounted
    Row& row = shard->rows[row_of(proc)];
    more(row.buckets[bucket_of(took_ns)]);
    more(row.total_ns, static_cast<std::uint64_t>(std::max<std::int64_t>(took_ns, 0)));
    if (error != nullptr) more(row.failed);
}

void CallStats::add_refused(const Error& error) noexcept { more(errors_[code_of(error)]); }

CallStats::Sum CallStats::sum(const protocol::ProcInfo& proc) const {
    Sum sum;
    const std::size_t place = row_of(proc);
    for (const auto& pointer : shards_) {
        const Shard* shard = pointer.load(std::memory_order_acquire);
        if (shard == nullptr) continue;
        const Row& row = shard->rows[place];
        for (std::size_t i = 0; i < kBuckets; ++i) sum.buckets[i] += row.buckets[i].load(std::memory_order_relaxed);
        sum.total_ns += row.total_ns.load(std::memory_order_relaxed);
        sum.failed += row.failed.load(std::memory_order_relaxed);
    }
    return sum;
}

} // namespace polyvirt::dispatch
