// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// GuestPart: the base of a driver's Part, of the classes that have its ops on guests.

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include <polyvirt/call.h>

#include "sdk/answers.h"
#include "sdk/guests/guest.h"
#include "sdk/task.h"

namespace polyvirt::sdk {

template <typename G> class GuestPart {
  protected:
    using Ptr = std::shared_ptr<G>;
    using Task = sdk::Task<Status>;
    // Makes the task of an op. It is gone when that runs, as are its captures: coroutines take what they need by value.
    // `in` may be copied: what it points to stays until the call is complete, and so does `out`.
    using Body = std::function<Task(const OperationPtr&, const Ptr&)>;

    // `loop` is the driver's, which it has from its start on.
    GuestPart(const plugin::Services& s, const plugin::Loop& loop, ErrorDomain domain) : s_(s), jobs_(loop), domain_(domain) {}

    // An op that holds the guest's job: the body runs on a worker, its task ends the call. `what` is static text.
    pv_status with_job(pv_call* call, const Ptr& guest, std::uint32_t job_class, const char* what, Body body) const {
        std::uint64_t handle = 0;
        {
            const ObjectLock lock(guest->mu);
            handle = guest->handle;
        }
        return sdk::with_job(s_, jobs_, {.call = call, .object = handle, .job_class = job_class, .what = what}, guest,
                             [guest, body = std::move(body)](const OperationPtr& op) {
                                 sdk::start(body(op, guest), [op](const Status& outcome) { op->finish(outcome); });
                             });
    }
    pv_status with_job(pv_call* call, const pv_obj* obj, std::uint32_t job_class, const char* what, Body body) const {
        return with_job(call, guest_of(obj), job_class, what, std::move(body));
    }
    // The same for calls that change it.
    pv_status change(pv_call* call, const pv_obj* obj, const char* what, Body body) const {
        return with_job(call, obj, PV_JOB_MODIFY, what, std::move(body));
    }
    pv_status answer(pv_call* call, const Status& status) const { return plugin::answer(s_, call, status); }
    [[nodiscard]] Status check_flags(std::uint32_t flags, std::uint32_t known, const char* function) const {
        return sdk::check_flags(flags, known, function, domain_);
    }
    [[nodiscard]] pv_status give(pv_call* call, pv_sink* sink, std::string_view text) const {
        return sdk::give(s_, call, sink, text, domain_);
    }
    [[nodiscard]] static Ptr guest_of(const pv_obj* obj) { return ObjectTable<G>::from(obj); }

    const plugin::Services& s_;
    const plugin::Loop& jobs_;
    const ErrorDomain domain_;
};

} // namespace polyvirt::sdk
