// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/call_stats.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "host/protocol/gen/admin.h"
#include "host/protocol/gen/remote.h"

namespace polyvirt::dispatch {
namespace {

constexpr std::int64_t kFirst = CallStats::kFirstBound_ns;

const protocol::ProcInfo& remote(std::int32_t id) { return *protocol::find_proc(protocol::remote::kProgram, id); }

TEST(CallStats, puts_times_into_buckets_by_powers_of_four) {
    EXPECT_EQ(CallStats::bucket_of(-5), 0u);
    EXPECT_EQ(CallStats::bucket_of(0), 0u);
    EXPECT_EQ(CallStats::bucket_of(kFirst - 1), 0u);
    for (std::size_t i = 0; i + 2 < CallStats::kBuckets; ++i) {
        EXPECT_EQ(CallStats::bucket_of(CallStats::bound_ns(i) - 1), i);
        EXPECT_EQ(CallStats::bucket_of(CallStats::bound_ns(i)), i + 1);
    }
    EXPECT_EQ(CallStats::bucket_of(INT64_MAX), CallStats::kBuckets - 1);
}

TEST(CallStats, counts_each_procedure_apart) {
    CallStats stats;
    stats.add(remote(1), nullptr, 1000);
    stats.add(remote(1), nullptr, kFirst * 2);
    stats.add(*protocol::find_proc(protocol::admin::kProgram, 1), nullptr, 1000);
    const CallStats::Sum sum = stats.sum(remote(1));
    EXPECT_EQ(sum.count(), 2u);
    EXPECT_EQ(sum.buckets[0], 1u);
    EXPECT_EQ(sum.buckets[1], 1u);
    EXPECT_EQ(sum.total_ns, static_cast<std::uint64_t>(1000 + kFirst * 2));
    EXPECT_EQ(stats.sum(remote(2)).count(), 0u);
    for (const std::uint32_t program : protocol::programs()) { // the last row of each is its own
        const auto last = static_cast<std::int32_t>(protocol::procs(program).size());
        EXPECT_EQ(stats.sum(*protocol::find_proc(program, last)).count(), 0u);
    }
}

TEST(CallStats, counts_errors_by_code) {
    CallStats stats;
    const Error error{.code = ErrorCode::no_domain, .message = "x"};
    stats.add(remote(1), &error, 5);
    stats.add_refused(error);
    stats.add_refused(Error{.code = static_cast<ErrorCode>(100'000), .message = "x"});
    stats.add_refused(Error{.code = static_cast<ErrorCode>(-3), .message = "x"});
    EXPECT_EQ(stats.sum(remote(1)).failed, 1u);
    EXPECT_EQ(stats.errors(static_cast<std::size_t>(ErrorCode::no_domain)), 2u);
    EXPECT_EQ(stats.errors(CallStats::kCodes - 1), 2u);
}

TEST(CallStats, loses_nothing_of_many_threads) {
    constexpr int kThreads = 20, kCalls = 5000;
    CallStats stats;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < kCalls; ++i) stats.add(remote(7), nullptr, i);
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(stats.sum(remote(7)).count(), static_cast<std::uint64_t>(kThreads) * kCalls);
}

} // namespace
} // namespace polyvirt::dispatch
