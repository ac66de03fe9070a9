// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What the emulator says of its jobs: by itself, and when it is found again.

#include <utility>

#include "base/log.h"
#include "block/disks.h"
#include "block/events.h"
#include "block/jobs.h"
#include "driver.h"
#include "monitor/json.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

namespace {

// A copy is complete, and follows the disk from here on.
bool make_ready(const Driver& driver, Guest& guest, BlockJob& job) PV_REQUIRES(guest.mu) {
    if (job.state != JobState::starting && job.state != JobState::running) return false;
    job.state = JobState::ready;
    driver.edit_live(guest, [&](Domain& live) {
        if (Disk* const disk = find_disk(live, job.disk); disk != nullptr && disk->mirror) disk->mirror->ready = "yes";
    });
    post_block_job(driver, guest, job, PV_DOMAIN_BLOCK_JOB_READY);
    return true;
}

void save_soon(Run& run) {
    run.driver().save_status(run.guest(), [guest = run.guest()](const Status& saved) {
        if (!saved) log::error("block", "domain '{}': {}", guest->name, saved.error().message);
    });
}

} // namespace

void on_job_status(Run& run, const QmpEvent& event) {
    const std::string id = text_of(event.data, "id"), status = text_of(event.data, "status");
    bool save = false, over = false;
    {
        const GuestPtr& guest = run.guest();
        const ObjectLock lock(guest->mu);
        const auto it = guest->blocks.jobs.find(id);
        if (it == guest->blocks.jobs.end()) return; // the emulator's own, or somebody's at the monitor
        BlockJob& job = it->second;
        if (status == "running" && job.state == JobState::starting) job.state = JobState::running;
        if (status == "ready") save = make_ready(run.driver(), *guest, job);
        if (status == "concluded" && !std::exchange(job.ended, true)) over = !job.awaited;
    }
    if (save) save_soon(run);
    if (over) conclude_in_turn(run.shared_from_this(), id);
}

namespace {

std::vector<BlockJob> jobs_of(Run& run) {
    std::vector<BlockJob> jobs;
    const ObjectLock lock(run.guest()->mu);
    for (const auto& [id, job] : run.guest()->blocks.jobs) jobs.push_back(job);
    return jobs;
}

std::string status_of(const Json& jobs, const std::string& id) {
    if (jobs.is_array())
        for (const Json& job : jobs)
            if (text_of(job, "id") == id) return text_of(job, "status");
    return {};
}

// A job as it is found: where it has got to, or that it has ended.
sdk::Task<Status> resume(RunPtr run, BlockJob found, std::string status) {
    const bool there = !status.empty() && status != "null";
    if (found.state == JobState::concluded || status == "concluded") {
        const auto done = co_await conclude_job(run, found.id);
        co_return done ? Status{} : Status(done.error());
    }
    // It had not begun, or its end was cut off after it was dismissed by somebody else.
    if (!there) co_return co_await drop_job(run, found.id);
    {
        const GuestPtr& guest = run->guest();
        const ObjectLock lock(guest->mu);
        const auto it = guest->blocks.jobs.find(found.id);
        if (it == guest->blocks.jobs.end()) co_return Status{};
        BlockJob& job = it->second;
        // Calls that wanted its end have gone with the daemon; if the emulator heard of it, it ends all the same.
        if (status == "ready") {
            if (job.state != JobState::ready) job.state = JobState::running;
            (void)make_ready(run->driver(), *guest, job);
        } else if (status == "running" || status == "paused" || status == "created") {
            job.state = JobState::running;
        }
    }
    co_return co_await run->driver().saved(run->guest());
}

} // namespace

sdk::Task<Status> resume_jobs(RunPtr run) {
    const std::vector<BlockJob> known = jobs_of(*run);
    if (known.empty()) co_return Status{};
    const auto jobs = co_await run->qmp("query-jobs");
    PV_CO_TRY(jobs);
    for (const BlockJob& job : known) {
        const Status resumed = co_await resume(run, job, status_of(*jobs, job.id));
        if (!resumed) log::error("block", "domain '{}': job '{}': {}", run->guest()->name, job.id, resumed.error().message);
    }
    co_return Status{};
}

} // namespace polyvirt::qemu
