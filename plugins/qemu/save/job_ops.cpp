// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "save/job_ops.h"

#include <utility>

#include <polyvirt/abi/build.h>

#include "base/error_text.h"
#include "driver.h"
#include "save/job_params.h"

namespace polyvirt::qemu {
pv_status JobOps::job_info(pv_call*, const pv_obj* obj, const pv_dom_job_info_in&, pv_dom_job_info_out& out) {
    const GuestPtr guest = guest_of(obj);
    const std::int64_t now = s_.loop->now_ns(s_.host);
    const ObjectLock lock(guest->mu);
    if (!guest->job) return PV_OK; // none: all of it is 0
    const JobFigures& f = guest->job->figures;
    out.type = guest->job->type;
    out.time_elapsed = static_cast<std::uint64_t>((now - guest->job->begun_ns) / kNsPerMs);
    out.mem_total = f.memory_total;
    out.mem_processed = f.memory_processed;
    out.mem_remaining = f.memory_remaining;
    out.file_total = f.disk_total;
    out.file_processed = f.disk_processed;
    out.file_remaining = f.disk_remaining;
    out.data_total = f.memory_total + f.disk_total;
    out.data_processed = f.memory_processed + f.disk_processed;
    out.data_remaining = f.memory_remaining + f.disk_remaining;
    return PV_OK;
}

pv_status JobOps::job_stats(pv_call* call, const pv_obj* obj, const pv_dom_job_stats_in& in, pv_dom_job_stats_out& out) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_JOB_STATS_COMPLETED | PV_DOMAIN_JOB_STATS_KEEP_COMPLETED, "qemuDomainGetJobStats"); !flags)
        return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    std::shared_ptr<const LongJob> job;
    std::int64_t elapsed = 0;
    {
        const std::int64_t now = s_.loop->now_ns(s_.host);
        const ObjectLock lock(guest->mu);
        if ((in.flags & PV_DOMAIN_JOB_STATS_COMPLETED) != 0) {
            job = guest->last_job;
            if (job && (in.flags & PV_DOMAIN_JOB_STATS_KEEP_COMPLETED) == 0) guest->last_job = nullptr;
            elapsed = job ? job->elapsed_ns : 0;
        } else if (guest->job) {
            job = std::make_shared<const LongJob>(*guest->job);
            elapsed = now - job->begun_ns;
        }
    }
    out.type = job ? job->type : +PV_DOMAIN_JOB_NONE;
    if (!job) return PV_OK;
    if (out.params == nullptr) return PV_OK;
    for (const pv_param& param : job_params(*job, elapsed)) s_.build->add_param(out.params, &param);
    return PV_OK;
}

pv_status JobOps::abort_job(pv_call* call, const pv_obj* obj, const pv_dom_abort_job_in& in, pv_dom_abort_job_out&) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_ABORT_JOB_POSTCOPY, "qemuDomainAbortJobFlags"); !flags) return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    std::function<void()> abort;
    {
        const ObjectLock lock(guest->mu);
        if (!guest->active()) return answer(call, make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running"));
        if (!guest->job) return answer(call, make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "no job is active on the domain"));
        if (!guest->job->abort)
            return answer(call, make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "cannot abort this job: the emulator has no way to end it"));
        guest->job->aborted = true;
        abort = guest->job->abort;
    }
    abort();
    return PV_OK;
}

} // namespace polyvirt::qemu
