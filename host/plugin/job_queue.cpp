// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/job_queue.h"

#include <tuple>
#include <utility>

namespace polyvirt::plugin {

bool JobQueue::submit(std::uint64_t strand, Job& job) {
    std::uint64_t serial = 0;
    {
        LeafLock lock(mu_);
        if (closed_ || queued_ >= kMaxQueued) return false;
        if (strand != 0) {
            auto [it, fresh] = strands_.try_emplace(strand);
            // Were a job queued behind one that the pool then refuses, nobody would run it.
            while (!fresh && it->second.starting) {
                started_.wait(lock);
                std::tie(it, fresh) = strands_.try_emplace(strand);
            }
            if (!fresh) {
                it->second.jobs.push_back(std::move(job));
                ++queued_;
                return true;
            }
            serial = it->second.serial = ++last_serial_;
        }
    }
    const bool taken = hand_over(strand, job);
    if (strand != 0) {
        const LeafLock lock(mu_);
        // A quick worker may have run the job and ended the strand already.
        if (const auto it = strands_.find(strand); it != strands_.end() && it->second.serial == serial) {
            if (taken) it->second.starting = false;
            else strands_.erase(it);
        }
        started_.notify_all();
    }
    return taken;
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
            auto& jobs = it->second.jobs;
            if (jobs.empty()) {
                strands_.erase(it);
                started_.notify_all();
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
