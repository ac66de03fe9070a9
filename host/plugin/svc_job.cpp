// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.job/1
#include <polyvirt/abi/job.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "host/logging/call_scope.h"
#include "host/plugin/context.h"
#include "host/plugin/service.h"
#include "host/plugin/thread_kind.h"

namespace polyvirt::plugin {
namespace {

using Clock = JobLocks::Clock;

Clock::time_point after(std::int64_t ns) {
    constexpr std::int64_t kDay = std::int64_t{86'400} * 1'000'000'000; // "no limit" is not offered
    return Clock::now() + std::chrono::nanoseconds(std::clamp<std::int64_t>(ns, 0, kDay));
}

std::uint64_t id_of(const CallRef& call) { return call ? call->id() : 0; }

pv_status submit(pv_host* host, std::uint64_t strand, pv_fn fn, void* ctx, pv_release_fn release) noexcept {
    if (host == nullptr || fn == nullptr) return PV_ABI;
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        auto context = std::make_shared<PluginContext>(ctx, release, host->census.take(Census::job));
        PluginContext* const borrowed = context.get();
        // What a call leaves to be done later still says in the log whose it is.
        JobQueue::Job job = [fn, context = std::move(context), call = logging::current_call()]() mutable {
            const ThreadKind kind(PV_THREAD_JOB);
            const logging::CallScope scope(call);
            fn(context->get());
            context.reset();
        };
        if (host->jobs->submit(strand, job)) return PV_OK;
        borrowed->disown(); // `job` is still ours
        return PV_BUSY;
    });
}

pv_status begin(pv_host* host, pv_call* handle, std::uint64_t object, std::uint32_t job_class, const char* what,
                std::int64_t timeout_ns) noexcept {
    if (host == nullptr || object == 0 || what == nullptr || !JobLocks::is_class(job_class))
        return misuse(handle, "job.begin");
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        const CallRef call = CallHandles::find(handle, "job.begin");
        // A loop that waits would stop everything else on it; with time 0 it does not wait.
        if (thread_kind() == PV_THREAD_LOOP && timeout_ns > 0)
            return fail(call,
                        make_error(ErrorCode::internal_error, ErrorDomain::none,
                                   "'{}' waits for a job on a loop's thread; begin_async is for that", what),
                        PV_ORDER);
        Status held = host->locks.begin(object, job_class, what, after(timeout_ns), id_of(call));
        if (held) return PV_OK;
        const bool late = held.error().code == ErrorCode::operation_timeout;
        return fail(call, std::move(held).error(), late ? PV_DEADLINE : PV_BUSY);
    });
}

// One begin_async() that waits: ends by grant or by its timer, whichever comes first, on the strand.
struct AsyncBegin : std::enable_shared_from_this<AsyncBegin> {
    AsyncBegin(pv_host& h, const std::shared_ptr<Strand>& s) : host(h), strand(s), token(h.census.take(Census::job)) {}

    using Fn = void (*)(void*, pv_status) PV_NOEXCEPT;

    // On the strand's thread, as all below but granted().
    void finish(pv_status status) {
        if (std::exchange(done, true)) return;
        timer = {};
        ticket.reset(); // it holds this
        if (strand->closed()) {
            // Nobody is there to hear of it, so nobody would end it.
            if (status == PV_OK) static_cast<void>(host.locks.end(object, job_class));
            return;
        }
        strand->run(reinterpret_cast<const void*>(fn), [&] { fn(ctx, status); });
    }
    void granted() {
        strand->loop().post([self = shared_from_this()] { self->finish(PV_OK); });
    }
    void arm(Clock::time_point until) {
        if (done) return;
        timer = strand->loop().add_timer([self = shared_from_this()] { self->timed_out(); });
        timer.arm(until - Clock::now());
    }
    void timed_out() {
        Error error;
        if (!host.locks.cancel(ticket, error)) return; // granted meanwhile: that is on its way
        if (call) call->set_error(std::move(error));
        finish(PV_DEADLINE);
    }

    pv_host& host;
    const Strand::User strand;
    std::uint64_t object = 0;
    std::uint32_t job_class = 0;
    Fn fn = nullptr;
    void* ctx = nullptr;
    std::shared_ptr<Call> call;
    JobLocks::Ticket ticket;
    loop::Watch timer;
    bool done = false;
    const Census::Token token;
};

pv_status begin_async(pv_host* host, pv_call* handle, std::uint64_t object, std::uint32_t job_class, const char* what,
                      std::int64_t timeout_ns, pv_loop* loop, void (*fn)(void*, pv_status) PV_NOEXCEPT,
                      void* ctx) noexcept {
    if (host == nullptr || object == 0 || what == nullptr || loop == nullptr || fn == nullptr ||
        !JobLocks::is_class(job_class))
        return misuse(handle, "job.begin_async");
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        const CallRef call = CallHandles::find(handle, "job.begin_async");
        const auto waiting = std::make_shared<AsyncBegin>(*host, loop->strand);
        waiting->object = object;
        waiting->job_class = job_class;
        waiting->fn = fn;
        waiting->ctx = ctx;
        waiting->call = call.share();
        Result<bool> held =
            host->locks.begin_async(object, job_class, what, [waiting] { waiting->granted(); }, waiting->ticket,
                                    id_of(call));
        if (!held) return fail(call, std::move(held).error(), PV_BUSY);
        if (*held) return PV_OK;
        const auto until = after(timeout_ns);
        waiting->strand->loop().post([waiting, until] { waiting->arm(until); });
        return PV_PENDING;
    });
}

void end(pv_host* host, std::uint64_t object, std::uint32_t job_class) noexcept {
    if (host == nullptr) return;
    guarded(0, [&] {
        if (!host->locks.end(object, job_class))
            log::error("plugin", "{}: ended a job (class {}) on object {} that it does not hold", host->plugin_id,
                       job_class, object);
        return 0;
    });
}

constexpr pv_svc_job kJobTable = {sizeof(pv_svc_job), 0, submit, begin, begin_async, end};

} // namespace

const Service kJobService{PV_SVC_JOB, &kJobTable};

} // namespace polyvirt::plugin
