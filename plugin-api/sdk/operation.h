// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Operation: one changing call on one object. It waits for the object's job without holding a thread,
// runs its body on a worker, and ends (on any thread, now or much later) with finish(), which frees the
// job and completes the call. If nobody finishes it, its destruction does, with an error.
//
//     return sdk::Operation::start(s, loop, {.call = call, .object = obj->handle, .what = "suspend"},
//                                  [guest](const sdk::OperationPtr& op) { ... op->finish({}); });

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include <polyvirt/loop.h>
#include <polyvirt/services.h>

#include "base/result.h"
#include "base/sync.h"

namespace polyvirt::sdk {

class Operation;
using OperationPtr = std::shared_ptr<Operation>;

class Operation : public std::enable_shared_from_this<Operation> {
  public:
    using Body = std::function<void(const OperationPtr&)>;
    struct Options {
        pv_call* call = nullptr;   // null: the driver's own; errors go to the log
        std::uint64_t object = 0;  // the registry's handle
        std::uint32_t job_class = PV_JOB_MODIFY;
        const char* what = "";     // static text: what others are told that they wait for
        std::int64_t timeout_ns = 30'000'000'000;
    };

    // The result of the op's slot: PV_PENDING, or a failure. The body may have run by then, on this thread.
    // `loop` runs the grant when the job was not free; what it runs is short. No lock may be held.
    static pv_status start(const plugin::Services& s, const plugin::Loop& loop, const Options& options,
                           Body body) PV_NO_LOCKS_HELD;

    // A part of `outer` that ends by finish() too, but with `done` instead of the job and the call, which stay outer's.
    static OperationPtr nested(const OperationPtr& outer, std::function<void(const Status&)> done);

    Operation(const plugin::Services& s, const Options& options, Body body);
    ~Operation();
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;

    // Any thread; no lock held. Further calls do nothing. The call's in, out and obj are gone afterwards.
    void finish(const Status& status);
    // Completes the call and keeps the job until finish(): what was asked for has begun, and goes on. call() is null then.
    void answer(const Status& status);
    // Frees the job and leaves the call to the caller, who completes it in some other way.
    [[nodiscard]] pv_call* give_up();
    [[nodiscard]] pv_call* call() const { return answered_ ? nullptr : options_.call; }

  private:
    static void granted(void* ctx, pv_status status) noexcept;
    void run();
    void conclude(pv_status status);
    void release(pv_status status);

    const plugin::Services& s_;
    const Options options_;
    Body body_;
    std::function<void(const Status&)> done_; // of a nested one
    std::atomic<bool> answered_{false};
    bool holds_job_ = false; // set before anybody else sees this
    std::atomic<bool> finished_{true}; // until it begins: a start that fails answers by its result
};

} // namespace polyvirt::sdk
