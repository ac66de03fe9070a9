// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/operation.h"

#include <utility>

#include <polyvirt/call.h>
#include <polyvirt/job.h>

#include "base/error_text.h"
#include "sdk/task.h"

namespace polyvirt::sdk {
namespace {

// What finish() is to say where its words may lack the memory.
template <typename F> Error in_words(ErrorCode code, F&& words) noexcept {
    try {
        return Error{.code = code, .message = words()};
    } catch (...) {
        return Error{.code = code, .message = "out of memory"}; // short enough to need none
    }
}

} // namespace

Operation::Operation(const plugin::Services& s, const Options& options, Body body)
    : s_(s), options_(options), body_(std::move(body)) {}

Operation::~Operation() {
    if (!finished_)
        finish(in_words(ErrorCode::operation_aborted, [this] { return fmt::format("operation aborted: '{}' was given up", options_.what); }));
}

pv_status Operation::start(const plugin::Services& s, const plugin::Loop& loop, const Options& options, Body body) {
    auto op = std::make_shared<Operation>(s, options, std::move(body));
    auto ctx = std::make_unique<OperationPtr>(op);
    op->finished_ = false;
    op->holds_job_ = true; // in truth only once it is granted, which may be before begin_async returns
    const pv_status status = s.job->begin_async(s.host, options.call, options.object, options.job_class, options.what,
                                                options.timeout_ns, loop.get(), &granted, ctx.get());
    if (status == PV_PENDING) {
        (void)ctx.release(); // granted() has it
        return PV_PENDING;
    }
    if (status != PV_OK) {
        op->holds_job_ = false;
        op->finished_ = true;
        return status;
    }
    op->run();
    return PV_PENDING;
}

OperationPtr Operation::nested(const OperationPtr& outer, std::function<void(const Status&)> done) {
    auto op = std::make_shared<Operation>(outer->s_, Options{.call = outer->call(), .object = outer->options_.object, .what = outer->options_.what},
                                          nullptr);
    op->done_ = std::move(done);
    op->finished_ = false;
    return op;
}

void Operation::granted(void* ctx, pv_status status) noexcept {
    plugin::guarded("operation", [&] {
        const std::unique_ptr<OperationPtr> owned(static_cast<OperationPtr*>(ctx));
        const OperationPtr& op = *owned;
        if (status != PV_OK) {
            op->holds_job_ = false;
            op->conclude(status); // the host has recorded why
            return;
        }
        // Bodies read files and start processes: not on a loop.
        bool taken = false;
        try {
            taken = plugin::submit(op->s_, 0, [op] { op->run(); });
        } catch (...) {
            return op->finish(detail::thrown());
        }
        if (!taken)
            op->finish(in_words(ErrorCode::resource_busy, [&op] {
                return fmt::format("too many jobs are waiting for a worker; '{}' was not begun", op->options_.what);
            }));
    });
}

void Operation::run() {
    const auto self = shared_from_this();
    const Body body = std::exchange(body_, nullptr); // what it captured goes when it has run
    try {
        body(self);
    } catch (...) {
        finish(detail::thrown());
    }
}

pv_call* Operation::give_up() {
    if (finished_.exchange(true)) return nullptr;
    if (holds_job_) s_.job->end(s_.host, options_.object, options_.job_class);
    return options_.call;
}

void Operation::conclude(pv_status status) {
    if (!finished_.exchange(true)) release(status);
}

void Operation::release(pv_status status) {
    if (holds_job_) s_.job->end(s_.host, options_.object, options_.job_class);
    if (pv_call* const waiting = call()) s_.call->complete(waiting, status);
}

void Operation::answer(const Status& status) {
    pv_call* const waiting = call();
    if (finished_ || waiting == nullptr || answered_.exchange(true)) return;
    s_.call->complete(waiting, plugin::answer(s_, waiting, status));
}

void Operation::finish(const Status& status) {
    if (finished_.exchange(true)) return;
    if (done_) return std::exchange(done_, nullptr)(status);
    if (!status) {
        if (call() == nullptr) plugin::guarded("operation", [&] { log::error("operation", "{}: {}", options_.what, status.error().message); });
        plugin::fail(s_, call(), status.error());
    }
    release(status ? PV_OK : PV_FAIL);
}

} // namespace polyvirt::sdk
