// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/job_queue.h"

#include <pthread.h>
#include <thread>
#include <utility>

namespace polyvirt::plugin {

bool JobQueue::submit(std::uint64_t strand, Job& job) {
    {
        const LeafLock lock(mu_);
        if (closed_ || queued_ >= kMaxQueued) return false;
        if (strand != 0) {
            const auto [it, fresh] = strands_.try_emplace(strand);
            if (!fresh) {
                it->second.push_back(std::move(job));
                ++queued_;
                return true;
            }
        }
    }
    if (hand_over(strand, job)) return true;
    if (strand == 0) return false;
    {
        const LeafLock lock(mu_);
        const auto it = strands_.find(strand);
        if (it->second.empty()) {
            strands_.erase(it);
            return false;
        }
    }
    // Another thread's job was taken behind this one, which the pool then refused. It must run.
    run_elsewhere(strand);
    return false;
}

// On a thread of its own, as the caller may hold locks of its driver.
void JobQueue::run_elsewhere(std::uint64_t strand) {
    std::thread([self = shared_from_this(), strand] {
        pthread_setname_np(pthread_self(), "job-spill");
        self->run_strand(strand);
    }).detach();
}

// False: the pool is full, and `job` is the caller's still.
bool JobQueue::hand_over(std::uint64_t strand, Job& job) {
    const auto shared = std::make_shared<Job>(std::move(job));
    const bool taken = pool_.submit(
        [self = shared_from_this(), shared, strand] {
            std::exchange(*shared, nullptr)();
            if (strand != 0) self->run_strand(strand);
        },
        false);
    if (!taken) job = std::move(*shared);
    return taken;
}

void JobQueue::close() {
    const LeafLock lock(mu_);
    closed_ = true;
}

// Runs the strand's next job and passes the rest on, so that one strand does not keep a worker from others.
void JobQueue::run_strand(std::uint64_t strand) {
    while (true) {
        Job job;
        {
            const LeafLock lock(mu_);
            const auto it = strands_.find(strand);
            auto& jobs = it->second;
            if (jobs.empty()) {
                strands_.erase(it);
                return;
            }
            job = std::move(jobs.front());
            jobs.pop_front();
            --queued_;
        }
        job();
        job = nullptr; // its release, before the next job of the strand
        if (pool_.submit([self = shared_from_this(), strand] { self->run_strand(strand); }, false)) return;
    }
}

} // namespace polyvirt::plugin
