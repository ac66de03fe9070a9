// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "jobs.h"

#include <algorithm>
#include <utility>

#include "base/error_text.h"
#include "faults.h"

namespace polyvirt::test {
namespace {

void post_completed(Driver& driver, Guest& guest) PV_REQUIRES(guest.mu) {
    const pv_param params[] = {
        {.field = PV_DOMAIN_JOB_OPERATION, .type = PV_PARAM_INT, ._r = 0, .v = {.i = guest.job.operation}},
        {.field = PV_DOMAIN_JOB_TIME_ELAPSED, .type = PV_PARAM_ULLONG, ._r = 0,
         .v = {.ul = static_cast<std::uint64_t>(guest.job.elapsed_ns / kMillisecond)}},
        {.field = PV_DOMAIN_JOB_SUCCESS, .type = PV_PARAM_BOOLEAN, ._r = 0, .v = {.b = guest.job.outcome == PV_DOMAIN_JOB_COMPLETED}},
    };
    pv_event_domain_job_completed payload{};
    payload.size = sizeof payload;
    payload.params = params;
    payload.nparams = static_cast<std::uint32_t>(std::size(params));
    driver.domains().post(guest, PV_EVENT_DOMAIN_JOB_COMPLETED, &payload);
}

} // namespace

Status begin_job(Driver& driver, const GuestPtr& guest, std::int32_t operation, std::int64_t at_least_ns,
                 std::function<void(const Status&)> done) {
    const plugin::Services& s = driver.services();
    std::uint64_t number = 0;
    std::int64_t length = 0;
    {
        const ObjectLock lock(guest->mu);
        if (guest->job.number != 0)
            return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "domain '{}' has a job already (operation {})", guest->name,
                              guest->job.operation);
        length = std::max(at_least_ns, std::int64_t{guest->faults.job_ms()} * kMillisecond);
        Job job;
        number = job.number = driver.next_number();
        job.operation = operation;
        job.begun_ns = s.loop->now_ns(s.host);
        job.length_ns = length;
        job.bytes = guest->live ? guest->live->current_memory.value_or(0) * 1024 : 0;
        job.done = std::move(done);
        guest->job = std::move(job);
    }
    if (length == 0) {
        end_job(driver, guest, number, {});
        return {};
    }
    const std::weak_ptr<Guest> weak = guest;
    plugin::Watch timer = driver.loop().timer(length, 0, [&driver, weak, number] {
        if (const GuestPtr still = weak.lock()) end_job(driver, still, number, {});
    });
    const ObjectLock lock(guest->mu);
    if (guest->job.number == number) std::swap(guest->job.timer, timer); // else it is over already
    return {};
}

bool end_job(Driver& driver, const GuestPtr& guest, std::uint64_t number, const Status& outcome) {
    std::function<void(const Status&)> done;
    plugin::Watch timer;
    {
        const ObjectLock lock(guest->mu);
        Job& job = guest->job;
        if (job.number == 0 || (number != 0 && job.number != number)) return false;
        job.number = 0;
        const plugin::Services& s = driver.services();
        job.elapsed_ns = s.loop->now_ns(s.host) - job.begun_ns;
        job.outcome = outcome ? PV_DOMAIN_JOB_COMPLETED
                              : outcome.error().code == ErrorCode::operation_aborted ? PV_DOMAIN_JOB_CANCELLED : PV_DOMAIN_JOB_FAILED;
        job.backup.reset();
        done = std::move(job.done);
        job.done = nullptr;
        std::swap(timer, job.timer);
        post_completed(driver, *guest);
    }
    if (done) done(outcome);
    return true;
}

} // namespace polyvirt::test
