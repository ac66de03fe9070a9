// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What a call pays for being seen: its place among the calls in flight (with the admission, which there is in any
// case), its line in the statistics, the clock that is read for it, and a lock that counts who has to wait.
#include <chrono>

#include <benchmark/benchmark.h>

#include "base/sync.h"
#include "host/dispatch/call_stats.h"
#include "host/protocol/gen/remote.h"
#include "host/rpc/call_queue.h"

using namespace polyvirt;

namespace {

void clock_reading(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(std::chrono::steady_clock::now());
}
BENCHMARK(clock_reading);

void statistics(benchmark::State& state) {
    static dispatch::CallStats stats;
    const protocol::ProcInfo& proc = *protocol::find_proc(protocol::remote::kProgram, 1);
    std::int64_t took = 0;
    for (auto _ : state) stats.add(proc, nullptr, took += 100);
}
BENCHMARK(statistics)->Threads(1)->Threads(2);

void admission(benchmark::State& state) {
    rpc::CallQueue queue;
    const rpc::Limits limits;
    rpc::Message message;
    for (auto _ : state) {
        benchmark::DoNotOptimize(queue.admit(false, 0, limits, true));
        queue.ended(*queue.occupy(false, message));
    }
}
BENCHMARK(admission);

void free_lock(benchmark::State& state) {
    Mutex mu{Rank::leaf};
    for (auto _ : state) LeafLock lock(mu);
}
BENCHMARK(free_lock);

} // namespace

BENCHMARK_MAIN();
