// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/job_locks.h"

#include <algorithm>
#include <utility>

#include "base/error_text.h"
#include "host/work/worker_pool.h"

namespace polyvirt::plugin {

struct JobLocks::Waiter {
    std::uint64_t object;
    std::uint32_t job_class;
    const char* what;
    Granted granted;  // empty: a thread waits on `cv`
    CondVar cv;
    bool held = false; // guarded by mu_ of the table, as the rest
    std::uint64_t call = 0;
    bool parked = false;
    Clock::time_point since{};
};

namespace {

constexpr std::uint32_t kClassMask = 0xff;

std::uint32_t class_of(std::uint32_t job_class) { return job_class & kClassMask; }

} // namespace

bool JobLocks::is_class(std::uint32_t job_class) {
    const std::uint32_t plain = class_of(job_class);
    const std::uint32_t flags = job_class & ~kClassMask;
    return plain >= PV_JOB_QUERY && plain <= PV_JOB_ASYNC &&
           (flags == 0 || (flags == PV_JOB_ALLOW_MODIFY && plain == PV_JOB_ASYNC));
}

// The table of job.h; symmetric but for an asynchronous job that lets itself be modified.
bool JobLocks::conflict(std::uint32_t held, std::uint32_t wanted) {
    const std::uint32_t a = class_of(held);
    const std::uint32_t b = class_of(wanted);
    const auto pair = [&](std::uint32_t x, std::uint32_t y) { return (a == x && b == y) || (a == y && b == x); };
    if (pair(PV_JOB_QUERY, PV_JOB_QUERY) || pair(PV_JOB_QUERY, PV_JOB_ASYNC)) return false;
    if (pair(PV_JOB_DESTROY, PV_JOB_ASYNC)) return false;
    if (pair(PV_JOB_MODIFY, PV_JOB_ASYNC)) return ((held | wanted) & PV_JOB_ALLOW_MODIFY) == 0;
    return true;
}

bool JobLocks::can_hold(const Entry& entry, std::uint32_t wanted) {
    return std::none_of(entry.holders.begin(), entry.holders.end(),
                        [&](const Holder& h) { return conflict(h.job_class, wanted); });
}

Error JobLocks::timed_out(const Entry& entry, const Waiter& waiter) {
    const auto holder = std::find_if(entry.holders.begin(), entry.holders.end(),
                                     [&](const Holder& h) { return conflict(h.job_class, waiter.job_class); });
    const char* name = holder != entry.holders.end() ? holder->what : "an earlier waiter";
    const auto since = holder != entry.holders.end() ? holder->since : Clock::now();
    Error error = make_error(ErrorCode::operation_timeout, ErrorDomain::none,
                             "cannot acquire state change lock (held by monitor={})", name);
    error.str3 = fmt::format("'{}' waited for '{}', held for {} s; {} are waiting", waiter.what, name,
                             std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - since).count(),
                             entry.waiters.size());
    return error;
}

Result<JobLocks::Ticket> JobLocks::enqueue(Entry& entry, std::uint64_t object, std::uint32_t job_class,
                                           const char* what, Granted granted, std::uint64_t call) {
    if (entry.waiters.size() >= kMaxWaiters)
        return make_error(ErrorCode::resource_busy, ErrorDomain::none,
                          "{} calls wait for '{}' on this object already, '{}' is not queued", entry.waiters.size(),
                          entry.holders.empty() ? "?" : entry.holders.front().what, what);
    auto ticket = std::make_shared<Waiter>();
    ticket->object = object;
    ticket->job_class = job_class;
    ticket->what = what;
    ticket->granted = std::move(granted);
    ticket->call = call;
    auto before = entry.waiters.end();
    if (class_of(job_class) == PV_JOB_DESTROY) // behind other destroys, before the rest
        before = std::find_if(entry.waiters.begin(), entry.waiters.end(),
                              [](const Ticket& w) { return class_of(w->job_class) != PV_JOB_DESTROY; });
    entry.waiters.insert(before, ticket);
    return ticket;
}

// Hands the job to every waiter that can have it now; returns whom to tell without the lock.
std::vector<JobLocks::Granted> JobLocks::grant(std::uint64_t object) {
    std::vector<Granted> told;
    const auto it = entries_.find(object);
    if (it == entries_.end()) return told;
    Entry& entry = it->second;
    std::vector<std::uint32_t> waiting_before;
    for (auto w = entry.waiters.begin(); w != entry.waiters.end();) {
        const Ticket ticket = *w;
        const bool turn = std::none_of(waiting_before.begin(), waiting_before.end(),
                                       [&](std::uint32_t c) { return conflict(c, ticket->job_class); });
        if (!turn || !can_hold(entry, ticket->job_class)) {
            waiting_before.push_back(ticket->job_class);
            ++w;
            continue;
        }
        entry.holders.push_back({ticket->job_class, ticket->what, Clock::now(), ticket->call});
        ticket->held = true;
        ticket->cv.notify_one();
        if (ticket->granted) told.push_back(std::move(ticket->granted));
        w = entry.waiters.erase(w);
    }
    if (entry.holders.empty() && entry.waiters.empty()) entries_.erase(it);
    return told;
}

Status JobLocks::begin(std::uint64_t object, std::uint32_t job_class, const char* what, Clock::time_point until,
                       std::uint64_t call) {
    Ticket ticket;
    {
        const LeafLock lock(mu_);
        PV_ASSIGN_OR_RETURN(ticket, enqueue(entries_[object], object, job_class, what, nullptr, call));
        static_cast<void>(grant(object)); // none but ours can become free by it
        if (ticket->held) return {};
        ticket->since = Clock::now();
        ticket->parked = true;
    }
    std::vector<Granted> told;
    Error error;
    {
        const work::WorkerPool::Parked parked; // before the lock: the pool has one of its own
        LeafLock lock(mu_);
        while (!ticket->held && ticket->cv.wait_until(lock, until)) {}
        if (ticket->held) return {};
        Entry& entry = entries_[object];
        error = timed_out(entry, *ticket);
        entry.waiters.remove(ticket);
        told = grant(object); // who waited behind this one alone
    }
    for (const Granted& granted : told) granted();
    return error;
}

Result<bool> JobLocks::begin_async(std::uint64_t object, std::uint32_t job_class, const char* what, Granted granted,
                                   Ticket& ticket, std::uint64_t call) {
    const LeafLock lock(mu_);
    PV_ASSIGN_OR_RETURN(ticket, enqueue(entries_[object], object, job_class, what, nullptr, call));
    static_cast<void>(grant(object));
    if (ticket->held) return true;
    ticket->since = Clock::now();
    ticket->granted = std::move(granted);
    return false;
}

bool JobLocks::cancel(const Ticket& ticket, Error& error) {
    std::vector<Granted> told;
    {
        const LeafLock lock(mu_);
        if (ticket->held) return false;
        Entry& entry = entries_[ticket->object];
        error = timed_out(entry, *ticket);
        entry.waiters.remove(ticket);
        told = grant(ticket->object);
    }
    for (const Granted& granted : told) granted();
    return true;
}

std::vector<JobLocks::ObjectJobs> JobLocks::look() const {
    std::vector<ObjectJobs> all;
    const LeafLock lock(mu_);
    for (const auto& [object, entry] : entries_) {
        ObjectJobs& jobs = all.emplace_back();
        jobs.object = object;
        for (const Holder& h : entry.holders) jobs.holders.push_back({h.job_class, h.what, h.since, h.call, false});
        for (const Ticket& w : entry.waiters)
            jobs.waiters.push_back({w->job_class, w->what, w->since, w->call, w->parked});
    }
    return all;
}

bool JobLocks::end(std::uint64_t object, std::uint32_t job_class) {
    std::vector<Granted> told;
    {
        const LeafLock lock(mu_);
        const auto it = entries_.find(object);
        if (it == entries_.end()) return false;
        auto& holders = it->second.holders;
        const auto holder = std::find_if(holders.begin(), holders.end(), [&](const Holder& h) {
            return class_of(h.job_class) == class_of(job_class);
        });
        if (holder == holders.end()) return false;
        holders.erase(holder);
        told = grant(object);
    }
    for (const Granted& granted : told) granted();
    return true;
}

} // namespace polyvirt::plugin
