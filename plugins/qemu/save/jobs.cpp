// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "save/jobs.h"

#include <utility>
#include <vector>

#include "base/error_text.h"
#include "driver.h"
#include "save/job_params.h"

namespace polyvirt::qemu {

JobTicket::JobTicket(Driver& driver, GuestPtr guest, std::int32_t operation, std::function<void()> abort)
    : driver_(driver), guest_(std::move(guest)) {
    auto job = std::make_shared<LongJob>();
    job->operation = operation;
    job->begun_ns = driver_.services().loop->now_ns(driver_.services().host);
    job->abort = std::move(abort);
    const ObjectLock lock(guest_->mu);
    outer_ = std::exchange(guest_->job, std::move(job));
}

JobTicket::~JobTicket() {
    if (open_) end(make_error(ErrorCode::operation_aborted, ErrorDomain::qemu, "the job was given up"), false);
}

void JobTicket::update(const JobFigures& figures) {
    const ObjectLock lock(guest_->mu);
    if (guest_->job) guest_->job->figures = figures;
}

bool JobTicket::aborted() const {
    const ObjectLock lock(guest_->mu);
    return guest_->job && guest_->job->aborted;
}

void JobTicket::end(const Status& outcome, bool tell) {
    if (!std::exchange(open_, false)) return;
    std::function<void()> abort; // let go without the lock
    const ObjectLock lock(guest_->mu);
    const auto job = std::exchange(guest_->job, outer_);
    if (!job) return;
    abort.swap(job->abort);
    job->elapsed_ns = driver_.services().loop->now_ns(driver_.services().host) - job->begun_ns;
    job->type = outcome ? PV_DOMAIN_JOB_COMPLETED : job->aborted ? PV_DOMAIN_JOB_CANCELLED : PV_DOMAIN_JOB_FAILED;
    if (!outcome) job->error = outcome.error().message;
    guest_->last_job = std::make_shared<const LongJob>(*job);
    if (!tell || guest_->removed) return;
    const std::vector<pv_param> params = job_params(*job, job->elapsed_ns);
    pv_event_domain_job_completed payload{};
    payload.size = sizeof payload;
    payload.params = params.data();
    payload.nparams = static_cast<std::uint32_t>(params.size());
    driver_.post_event(*guest_, PV_EVENT_DOMAIN_JOB_COMPLETED, &payload);
}

Error job_cancelled(const char* what) {
    return make_error(ErrorCode::operation_aborted, ErrorDomain::qemu, "domain {} job: canceled by client", what);
}

} // namespace polyvirt::qemu
