// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// WorkerPool: the threads that run calls. Ordinary workers (`worker-N`) take any job in order of
// arrival, priority workers (`prio-N`) only those marked so: their driver code never blocks, which
// is why a pool full of stuck calls still answers them.
//
// A job that must block in a driver says so with a Parked guard: the pool then keeps its number of
// *runnable* workers by starting another, up to a hard cap. One that blocks without a word is found out: while
// jobs wait, a worker that has been at the same one for 10 ms counts as parked too until it is through.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace polyvirt::work {

// Made consistent when taken: max_workers >= 1, min_workers <= max_workers <= hard_cap.
struct PoolLimits {
    unsigned min_workers = 2;                   // kept even when idle
    unsigned max_workers = 20;                  // runnable ordinary workers
    unsigned prio_workers = 5;                  // fixed number
    unsigned hard_cap = 48;                     // ordinary workers, parked ones included
    std::size_t max_queued = 10000;             // jobs waiting, both kinds together
    std::chrono::milliseconds idle_for{60'000}; // then a worker beyond min_workers ends
};

struct PoolStats {
    unsigned workers = 0, free_workers = 0, prio_workers = 0, parked = 0;
    std::size_t queued = 0;
    PoolLimits limits;
};

class WorkerPool {
  public:
    using Job = std::function<void()>;

    // Starts min_workers and prio_workers; throws std::system_error if it cannot.
    explicit WorkerPool(PoolLimits limits);
    // Drains: runs what is queued, then joins every thread, so it takes as long as the longest job.
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // Any thread; leaf (the caller holds no leaf lock). Never waits. False when the queue is full
    // or the pool is stopping: the job was not taken. A job runs and is destroyed on its worker
    // with no lock held; an exception that escapes it is caught and counted as PV_BUG.
    [[nodiscard]] bool submit(Job job, bool priority);
    // Takes effect at once; surplus workers end after their job.
    void set_limits(const PoolLimits& limits);
    [[nodiscard]] PoolStats stats() const;
    // Refuses new jobs, then waits until all have run or `deadline_ms` has passed. True: drained.
    // Not from a worker.
    bool drain(unsigned deadline_ms);

    // Says "this worker is about to wait" for as long as it lives; nests. No effect on any thread
    // but an ordinary worker of some pool.
    class Parked {
      public:
        Parked();
        ~Parked();
        Parked(const Parked&) = delete;
        Parked& operator=(const Parked&) = delete;
    };

  private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace polyvirt::work
