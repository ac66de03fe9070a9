// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.job: looking at the long job of a domain, and ending it.

#include <algorithm>

#include "domains.h"
#include "jobs.h"
#include "op.h"
#include "sdk/params.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

using sdk::ParamWriter;

struct Progress {
    std::int32_t type = PV_DOMAIN_JOB_NONE, operation = 0;
    std::uint64_t elapsed = 0, remaining = 0; // ms
    std::uint64_t total = 0, processed = 0;   // bytes
};

class Jobs : public Ops {
  public:
    using Ops::Ops;

    pv_status job_info(pv_call*, const pv_obj* obj, const pv_dom_job_info_in&, pv_dom_job_info_out& out) {
        const Progress p = progress(obj, false);
        out.type = p.type;
        out.time_elapsed = p.elapsed;
        out.time_remaining = p.remaining;
        out.data_total = out.mem_total = p.total;
        out.data_processed = out.mem_processed = p.processed;
        out.data_remaining = out.mem_remaining = p.total - p.processed;
        return PV_OK;
    }

    pv_status job_stats(pv_call* call, const pv_obj* obj, const pv_dom_job_stats_in& in, pv_dom_job_stats_out& out) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_JOB_STATS_COMPLETED | PV_DOMAIN_JOB_STATS_KEEP_COMPLETED, "testDomainGetJobStats");
            !flags)
            return answer(call, flags);
        const Progress p = progress(obj, (in.flags & PV_DOMAIN_JOB_STATS_COMPLETED) != 0);
        out.type = p.type;
        if (p.type == PV_DOMAIN_JOB_NONE) return PV_OK;
        const ParamWriter w(s_, out.params);
        w.put(PV_DOMAIN_JOB_OPERATION, p.operation);
        w.put(PV_DOMAIN_JOB_TIME_ELAPSED, p.elapsed);
        if (p.type == PV_DOMAIN_JOB_BOUNDED) w.put(PV_DOMAIN_JOB_TIME_REMAINING, p.remaining);
        w.put(PV_DOMAIN_JOB_DATA_TOTAL, p.total);
        w.put(PV_DOMAIN_JOB_DATA_PROCESSED, p.processed);
        w.put(PV_DOMAIN_JOB_DATA_REMAINING, p.total - p.processed);
        w.put(PV_DOMAIN_JOB_MEMORY_TOTAL, p.total);
        w.put(PV_DOMAIN_JOB_MEMORY_PROCESSED, p.processed);
        w.put(PV_DOMAIN_JOB_MEMORY_REMAINING, p.total - p.processed);
        if (p.type != PV_DOMAIN_JOB_BOUNDED) w.put(PV_DOMAIN_JOB_SUCCESS, p.type == PV_DOMAIN_JOB_COMPLETED);
        return PV_OK;
    }

    pv_status abort_job(pv_call* call, const pv_obj* obj, const pv_dom_abort_job_in& in, pv_dom_abort_job_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainAbortJobFlags"); !flags) return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        const Status aborted = make_error(ErrorCode::operation_aborted, ErrorDomain::test, "canceled by client");
        if (!end_job(driver_, guest, 0, aborted)) return fail(call, invalid("no job is active on the domain"));
        return PV_OK;
    }

  private:
    Progress progress(const pv_obj* obj, bool last) const {
        const GuestPtr guest = Domains::of(obj);
        const std::int64_t now = s_.loop->now_ns(s_.host);
        const ObjectLock lock(guest->mu);
        return read(guest->job, last, now);
    }
    static Progress read(const Job& job, bool last, std::int64_t now) {
        Progress p;
        if (job.operation == 0 || (job.number == 0) != last) return p;
        p.operation = job.operation;
        p.total = job.bytes;
        if (last) {
            p.type = job.outcome;
            p.elapsed = static_cast<std::uint64_t>(job.elapsed_ns / kMillisecond);
            p.processed = job.outcome == PV_DOMAIN_JOB_COMPLETED ? p.total : 0;
            return p;
        }
        const std::int64_t elapsed = std::clamp<std::int64_t>(now - job.begun_ns, 0, job.length_ns);
        p.type = PV_DOMAIN_JOB_BOUNDED;
        p.elapsed = static_cast<std::uint64_t>(elapsed / kMillisecond);
        p.remaining = static_cast<std::uint64_t>((job.length_ns - elapsed) / kMillisecond);
        p.processed = job.length_ns == 0 ? p.total : static_cast<std::uint64_t>(static_cast<double>(p.total) * static_cast<double>(elapsed) / static_cast<double>(job.length_ns));
        return p;
    }
};

} // namespace

const void* dom_job_table() {
    static const auto table = make_table<pv_dom_job>([](auto& t) {
        t.job_info = op<"domain.job_info", &Jobs::job_info>;
        t.job_stats = op<"domain.job_stats", &Jobs::job_stats>;
        t.abort_job = op<"domain.abort_job", &Jobs::abort_job>;
    });
    return &table;
}

} // namespace polyvirt::test
