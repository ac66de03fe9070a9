// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.job/1

#include <chrono>

#include <polyvirt/abi/check.h>

#include "tools/conform/host/services.h"
#include "tools/conform/host/timers.h"

namespace polyvirt::conform {
namespace {

constexpr std::size_t kWorkers = 4;

struct Waiter {
    std::uint64_t object;
    std::uint32_t job_class;
    std::int64_t until;
    pv_loop* loop;
    void (*fn)(void*, pv_status) PV_NOEXCEPT;
    void* ctx;
    pv_call* call;
    std::unique_ptr<Deadline> deadline;
};

struct Jobs {
    int query = 0, modify = 0, destroy = 0, async = 0;
    bool allows = false;
    const char* what = "";
};
std::map<std::uint64_t, Jobs> g_jobs PV_GUARDED_BY(g_mu);
std::list<Waiter> g_waiters PV_GUARDED_BY(g_mu);

bool grant(std::uint64_t object, std::uint32_t wanted, const char* what) PV_REQUIRES(g_mu) {
    Jobs& j = g_jobs[object];
    const std::uint32_t job_class = wanted & 0xff;
    const bool alone = j.query == 0 && j.modify == 0 && j.destroy == 0;
    switch (job_class) {
    case PV_JOB_QUERY:
        if (j.modify + j.destroy > 0) return false;
        ++j.query;
        break;
    case PV_JOB_MODIFY:
        if (!alone || (j.async > 0 && !j.allows)) return false;
        ++j.modify;
        break;
    case PV_JOB_DESTROY:
        if (!alone) return false;
        ++j.destroy;
        break;
    default:
        if (j.modify + j.destroy + j.async > 0) return false;
        ++j.async;
        j.allows = (wanted & PV_JOB_ALLOW_MODIFY) != 0;
    }
    j.what = what;
    return true;
}

void tell(Waiter waiter, pv_status status) PV_REQUIRES(g_mu) {
    const auto fn = waiter.fn;
    void* const ctx = waiter.ctx;
    if (status != PV_OK) host_error(waiter.call, 68, "Timed out during operation: cannot acquire state change lock");
    give_task(waiter.loop, {.run = [loop = waiter.loop, fn, ctx, status] {
                                run_callback(loop, "the function of job.begin_async", [&] { fn(ctx, status); });
                            },
                            .what = "job"});
}

bool known_class(std::uint32_t wanted, const char* what, const Service& service) {
    const std::uint32_t c = wanted & 0xff;
    const bool allow = (wanted & PV_JOB_ALLOW_MODIFY) != 0;
    if (c >= PV_JOB_QUERY && c <= PV_JOB_ASYNC && (wanted & ~0x1ffU) == 0 && (!allow || c == PV_JOB_ASYNC) && what != nullptr) return true;
    complain("services.arguments", "{}: class {:#x}, what {}", service.name(), wanted, what != nullptr ? what : "null");
    return false;
}

pv_status submit(pv_host* host, std::uint64_t strand, pv_fn fn, void* ctx, pv_release_fn release) noexcept {
    const Service service("job.submit");
    if (service.fails()) return PV_BUSY;
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr || fn == nullptr) return PV_ABI;
    if (host->stopped) return PV_BUSY;
    static std::size_t turn = 0;
    Runner& worker = *host->workers[(strand != 0 ? strand : ++turn) % kWorkers];
    worker.enqueue({.run =
                        [fn, ctx] {
                            const PluginScope scope(PV_THREAD_JOB, "a job");
                            fn(ctx);
                        },
                    .release = release, .ctx = ctx, .what = "job"});
    return PV_OK;
}

pv_status begin(pv_host* host, pv_call* call, std::uint64_t object, std::uint32_t job_class, const char* what, std::int64_t timeout_ns) noexcept {
    const Service service("job.begin", Mark::reentrant);
    if (!known_class(job_class, what, service)) return PV_ABI;
    while_waiting(object);
    LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return PV_ABI;
    if (service.fails()) {
        host_error(call, 68, "Timed out during operation: the kit made job.begin fail");
        return PV_DEADLINE;
    }
    const std::int64_t until = world().virtual_ns + timeout_ns;
    const Deadline deadline(until);
    if (call != nullptr && !call->gone) call->waits = true;
    while (!grant(object, job_class, what)) {
        if (world().virtual_ns >= until) {
            host_error(call, 68, "Timed out during operation: cannot acquire state change lock");
            return PV_DEADLINE;
        }
        g_changed.wait_until(lock, std::chrono::steady_clock::now() + std::chrono::milliseconds(500));
    }
    if (call != nullptr) call->waits = false;
    return PV_OK;
}

pv_status begin_async(pv_host* host, pv_call* call, std::uint64_t object, std::uint32_t job_class, const char* what,
                      std::int64_t timeout_ns, pv_loop* loop, void (*fn)(void*, pv_status) PV_NOEXCEPT, void* ctx) noexcept {
    const Service service("job.begin_async");
    if (!known_class(job_class, what, service) || fn == nullptr) return PV_ABI;
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr || world().handles.valid(loop, service) == nullptr) return PV_ABI;
    if (service.fails()) {
        host_error(call, 68, "Timed out during operation: the kit made job.begin_async fail");
        return PV_DEADLINE;
    }
    if (grant(object, job_class, what)) return PV_OK;
    const std::int64_t until = world().virtual_ns + timeout_ns;
    g_waiters.push_back({object, job_class, until, loop, fn, ctx, call, std::make_unique<Deadline>(until)});
    return PV_PENDING;
}

void end(pv_host* host, std::uint64_t object, std::uint32_t job_class) noexcept {
    const Service service("job.end");
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return;
    Jobs& j = g_jobs[object];
    const std::uint32_t c = job_class & 0xff;
    int& count = c == PV_JOB_QUERY ? j.query : c == PV_JOB_MODIFY ? j.modify : c == PV_JOB_DESTROY ? j.destroy : j.async;
    if (count == 0) {
        complain("services.arguments", "job.end: object {} has no job of class {}", object, c);
        return;
    }
    --count;
    ++world().activity;
    for (auto w = g_waiters.begin(); w != g_waiters.end();) {
        const auto next = std::next(w);
        if (w->object == object && grant(object, w->job_class, "")) {
            Waiter waiter = std::move(*w);
            g_waiters.erase(w);
            waiter.deadline.reset();
            tell(std::move(waiter), PV_OK);
        }
        w = next;
    }
    g_changed.notify_all();
}

} // namespace

void expire_jobs(std::int64_t now) {
    for (auto w = g_waiters.begin(); w != g_waiters.end();) {
        const auto next = std::next(w);
        if (w->until <= now) {
            Waiter waiter = std::move(*w);
            g_waiters.erase(w);
            waiter.deadline.reset();
            tell(std::move(waiter), PV_DEADLINE);
        }
        w = next;
    }
}

std::uint64_t held_jobs(std::uint64_t object) {
    const LeafLock lock(g_mu);
    const Jobs& j = g_jobs[object];
    return static_cast<std::uint64_t>(j.query + j.modify + j.destroy + j.async);
}

const pv_svc_job kJob = {sizeof(pv_svc_job), 0, submit, begin, begin_async, end};

} // namespace polyvirt::conform
