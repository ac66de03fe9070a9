// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Block jobs as clients see and end them.

#include "base/error_text.h"
#include "block/bandwidth.h"
#include "block/block_ops.h"
#include "block/disks.h"
#include "block/jobs.h"
#include "driver.h"
#include "monitor/json.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

namespace {

constexpr std::int64_t kInfoPatience = Monitor::kSecond;
constexpr std::int64_t kEndPatience = 60 * Monitor::kSecond;

Error not_running() { return make_error(ErrorCode::operation_invalid, ErrorDomain::domain, "domain is not running"); }

struct Found {
    RunPtr run;
    BlockJob* job; // null: the disk has none
    std::string disk;
};
// Of a disk of what runs.
Result<Found> find_job(Guest& guest, const std::string& name) PV_REQUIRES(guest.mu) {
    if (guest.removed) return no_domain(guest);
    if (!guest.run) return not_running();
    PV_ASSIGN_OR_RETURN(const Disk* const disk, need_disk(*guest.live, name));
    return Found{guest.run, guest.blocks.job_of(disk->target.dev), disk->target.dev};
}

Error no_job(const std::string& disk) {
    return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "disk {} does not have an active block job", disk);
}

// What clients take for its progress: at its end only when it is ready.
void put_job(const BlockJob& job, bool bytes, pv_dom_block_job_info_out& out) {
    const bool mirrors = job.type == PV_DOMAIN_BLOCK_JOB_TYPE_COPY || job.type == PV_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT;
    const bool ready = job.state != JobState::starting && job.state != JobState::running;
    out.found = 1;
    out.type = job.type;
    out.bandwidth = bytes ? job.speed : (job.speed + kMiB - 1) / kMiB;
    out.cur = job.done;
    out.end = job.total;
    if (out.end == 0 && mirrors) { // nothing had to be copied
        out.end = 1;
        out.cur = ready ? 1 : 0;
    }
    if (mirrors && !ready && out.cur == out.end && out.cur > 0) --out.cur;
}

} // namespace

BlockOps::Task BlockOps::tell_job(RunPtr run, BlockJob job, bool bytes, pv_dom_block_job_info_out* out) {
    // A busy emulator is not waited for; then it is what was last seen.
    const auto jobs = co_await run->qmp("query-block-jobs", Json(), kInfoPatience);
    if (jobs && jobs->is_array()) {
        for (const Json& entry : *jobs) {
            if (text_of(entry, "device") != job.id) continue;
            job.speed = number_at(entry, "speed");
            job.done = number_at(entry, "offset");
            job.total = number_at(entry, "len");
        }
    } else if (jobs || jobs.error().code == ErrorCode::operation_invalid) {
        co_return not_running();
    }
    const ObjectLock lock(run->guest()->mu);
    auto& known = run->guest()->blocks.jobs;
    if (const auto it = known.find(job.id); it != known.end() && run->guest()->run == run) {
        it->second.speed = job.speed;
        it->second.done = job.done;
        it->second.total = job.total;
        job.state = it->second.state;
        put_job(job, bytes, *out);
    }
    co_return Status{};
}

pv_status BlockOps::block_job_info(pv_call* call, const pv_obj* obj, const pv_dom_block_job_info_in& in, pv_dom_block_job_info_out& out) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES, "qemuDomainGetBlockJobInfo"); !flags)
        return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    RunPtr run;
    BlockJob job;
    Status found;
    {
        const ObjectLock lock(guest->mu);
        const auto at = find_job(*guest, in.path);
        if (!at) {
            found = at.error();
        } else if (at->job != nullptr) {
            run = at->run;
            job = *at->job;
        }
    }
    if (!found || !run) return answer(call, found);
    return ask(call, tell_job(run, job, (in.flags & PV_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES) != 0, &out));
}

namespace {

// Marks it as being ended; its id. Errors: as clients know them.
Result<Found> begin_end(Guest& guest, const std::string& name, bool pivot, bool waits, BlockJob& before) {
    const ObjectLock lock(guest.mu);
    PV_ASSIGN_OR_RETURN(Found found, find_job(guest, name));
    if (found.job == nullptr) return no_job(found.disk);
    BlockJob& job = *found.job;
    if (job.state == JobState::aborting || job.state == JobState::pivoting || job.state == JobState::concluded || job.ended)
        return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "block job on disk '{}' is still being ended", found.disk);
    if (pivot && job.type != PV_DOMAIN_BLOCK_JOB_TYPE_COPY && job.type != PV_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT)
        return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "job type '{}' does not support pivot", job_type_name(job.type));
    if (pivot && job.state != JobState::ready)
        return make_error(ErrorCode::block_copy_active, ErrorDomain::qemu, "block job '{}' not ready for pivot yet", job.id);
    before = job;
    job.state = pivot ? JobState::pivoting : JobState::aborting;
    job.awaited = waits;
    return found;
}

// Nobody waits any more. True: its end has come meanwhile, and nobody has seen to it.
bool stop_waiting(Guest& guest, const std::string& id, const JobState* back) {
    const ObjectLock lock(guest.mu);
    const auto it = guest.blocks.jobs.find(id);
    if (it == guest.blocks.jobs.end()) return false;
    if (back != nullptr && it->second.state != JobState::concluded) it->second.state = *back;
    return std::exchange(it->second.awaited, false) && it->second.ended;
}

} // namespace

BlockOps::Task BlockOps::abort(GuestPtr guest, std::string name, std::uint32_t flags) {
    const bool pivot = (flags & PV_DOMAIN_BLOCK_JOB_ABORT_PIVOT) != 0, waits = (flags & PV_DOMAIN_BLOCK_JOB_ABORT_ASYNC) == 0;
    BlockJob job;
    const auto found = begin_end(*guest, name, pivot, waits, job);
    PV_CO_TRY(found);
    const RunPtr run = found->run;
    // On disk before it is asked for, so that a daemon that comes after this one knows what the end means.
    Status asked = co_await driver_.saved(guest);
    const std::function<bool(const Json&)> is_end = [id = job.id](const Json& data) {
        return text_of(data, "id") == id && text_of(data, "status") == "concluded";
    };
    auto expected = co_await run->expect("JOB_STATUS_CHANGE", is_end);
    if (!expected) asked = expected.error();
    if (asked) {
        Json arguments = {{"id", job.id}};
        if (const auto reply = co_await run->qmp(pivot ? "job-complete" : "job-cancel", std::move(arguments)); !reply) asked = reply.error();
    }
    if (!asked) {
        if (stop_waiting(*guest, job.id, &job.state)) conclude_in_turn(run, job.id);
        co_return asked;
    }
    if (!waits) co_return Status{};
    if (const auto over = co_await run->wait(*expected, kEndPatience); !over) {
        if (stop_waiting(*guest, job.id, nullptr)) conclude_in_turn(run, job.id);
        co_return over.error();
    }
    const auto outcome = co_await conclude_job(run, job.id);
    PV_CO_TRY(outcome);
    if (pivot && *outcome == PV_DOMAIN_BLOCK_JOB_FAILED)
        co_return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "the pivot of block job '{}' failed", job.id);
    co_return Status{};
}

pv_status BlockOps::block_job_abort(pv_call* call, const pv_obj* obj, const pv_dom_block_job_abort_in& in, pv_dom_block_job_abort_out&) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_BLOCK_JOB_ABORT_ASYNC | PV_DOMAIN_BLOCK_JOB_ABORT_PIVOT, "qemuDomainBlockJobAbort"); !flags)
        return answer(call, flags);
    return change(call, obj, "abort block job",
                  [this, in](const sdk::OperationPtr&, const GuestPtr& guest) { return abort(guest, in.path, in.flags); });
}

BlockOps::Task BlockOps::set_speed(GuestPtr guest, std::string name, std::uint64_t speed) {
    RunPtr run;
    std::string id;
    Status known;
    {
        const ObjectLock lock(guest->mu);
        const auto found = find_job(*guest, name);
        if (!found) {
            known = found.error();
        } else if (found->job == nullptr) {
            known = no_job(found->disk);
        } else {
            run = found->run;
            id = found->job->id;
        }
    }
    PV_CO_TRY(known);
    Json arguments = {{"device", id}, {"speed", speed}};
    PV_CO_TRY(co_await run->qmp("block-job-set-speed", std::move(arguments)));
    co_return Status{};
}

pv_status BlockOps::block_job_set_speed(pv_call* call, const pv_obj* obj, const pv_dom_block_job_set_speed_in& in,
                                        pv_dom_block_job_set_speed_out&) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_BLOCK_JOB_SPEED_BANDWIDTH_BYTES, "qemuDomainBlockJobSetSpeed"); !flags)
        return answer(call, flags);
    const auto speed = bytes_per_second(in.bandwidth, (in.flags & PV_DOMAIN_BLOCK_JOB_SPEED_BANDWIDTH_BYTES) != 0);
    if (!speed) return answer(call, speed.error());
    return change(call, obj, "block job speed", [this, in, speed = *speed](const sdk::OperationPtr&, const GuestPtr& guest) {
        return set_speed(guest, in.path, speed);
    });
}

} // namespace polyvirt::qemu
