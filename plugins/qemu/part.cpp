// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "part.h"

#include <utility>

#include <polyvirt/call.h>

#include "base/error_text.h"
#include "driver.h"
#include "run.h"

namespace polyvirt::qemu {

Part::Part(Driver& driver) : GuestPart(driver.services(), driver.shared_loop(), ErrorDomain::qemu), driver_(driver) {}

pv_status Part::without_job(pv_call* call, const pv_obj* obj, Body body) const {
    const GuestPtr guest = guest_of(obj);
    const auto run = run_of(*guest);
    if (!run) return answer(call, run.error());
    const auto go = [&s = s_, call, guest, body = std::move(body)] {
        sdk::start(body(nullptr, guest), [&s, call](const Status& outcome) { s.call->complete(call, plugin::answer(s, call, outcome)); });
    };
    if ((*run)->ready()) {
        go();
        return PV_PENDING;
    }
    // Its start, or the way back to it, holds the job.
    return sdk::Operation::start(s_, driver_.shared_loop(), {.call = call, .object = obj->handle, .job_class = PV_JOB_QUERY, .what = "ask the guest"},
                                 [&s = s_, call, go](const sdk::OperationPtr& op) {
                                     static_cast<void>(op->give_up());
                                     try {
                                         go();
                                     } catch (...) { // nothing has begun, and `op` ends no call any more
                                         s.call->complete(call, plugin::fail(s, call, plugin::detail::caught()));
                                     }
                                 });
}

Result<RunPtr> Part::run_of(Guest& guest) {
    const ObjectLock lock(guest.mu);
    if (guest.removed) return no_domain(guest);
    if (!guest.run) return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
    return guest.run;
}

} // namespace polyvirt::qemu
