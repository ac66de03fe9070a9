// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Background work of one instance (host.job/1 submit): on the host's workers, one after another within a
// strand. Any thread; leaf.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>

#include "base/sync.h"
#include "host/work/worker_pool.h"

namespace polyvirt::plugin {

class JobQueue : public std::enable_shared_from_this<JobQueue> {
  public:
    using Job = std::function<void()>;
    static constexpr std::size_t kMaxQueued = 10'000; // behind running ones, all strands together

    explicit JobQueue(work::WorkerPool& pool) : pool_(pool) {}

    // False: the pool or this queue is full, or close() was called; `job` is untouched then.
    [[nodiscard]] bool submit(std::uint64_t strand, Job& job);
    // Refuses new jobs; those taken still run.
    void close();

  private:
    bool hand_over(std::uint64_t strand, Job& job);
    void run_strand(std::uint64_t strand);
    void run_elsewhere(std::uint64_t strand);

    work::WorkerPool& pool_;
    Mutex mu_{Rank::leaf};
    // Strands that run or are about to; their further jobs.
    std::unordered_map<std::uint64_t, std::deque<Job>> strands_ PV_GUARDED_BY(mu_);
    std::size_t queued_ PV_GUARDED_BY(mu_) = 0;
    bool closed_ PV_GUARDED_BY(mu_) = false;
};

} // namespace polyvirt::plugin
