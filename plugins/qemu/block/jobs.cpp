// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "block/jobs.h"

#include <cerrno>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "block/disks.h"
#include "driver.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

std::string_view job_type_name(std::int32_t type) {
    constexpr std::string_view kNames[] = {"unknown", "pull", "copy", "commit", "active-commit", "backup"};
    return type >= 0 && static_cast<std::size_t>(type) < std::size(kNames) ? kNames[type] : kNames[0];
}

std::string job_id(std::string_view kind, const Disk& disk, const Link& image) {
    return fmt::format("{}-{}-{}", kind, disk.target.dev, format_node(image.number()));
}

Status check_free(const Guest& guest, const Disk& disk) {
    for (const auto& [id, job] : guest.blocks.jobs)
        if (job.disk == disk.target.dev)
            return make_error(ErrorCode::block_copy_active, ErrorDomain::qemu, "disk '{}' already in active block job", disk.target.dev);
    return {};
}

void post_block_job(const Driver& driver, const Guest& guest, const BlockJob& job, std::int32_t status) {
    const Disk* const disk = guest.live ? find_disk(*guest.live, job.disk) : nullptr;
    const std::string path = disk != nullptr ? source_path(*disk) : std::string();
    pv_event_domain_block_job by_path{};
    by_path.size = sizeof by_path;
    by_path.path = path.c_str();
    by_path.type = job.type;
    by_path.status = status;
    driver.post_event(guest, PV_EVENT_DOMAIN_BLOCK_JOB, &by_path);
    pv_event_domain_block_job_2 by_target{};
    by_target.size = sizeof by_target;
    by_target.dst = job.disk.c_str();
    by_target.type = job.type;
    by_target.status = status;
    driver.post_event(guest, PV_EVENT_DOMAIN_BLOCK_JOB_2, &by_target);
}

namespace {

// Under the guest's lock; null: it has gone, or the run has.
BlockJob* job_in(Guest& guest, const Run& run, const std::string& id) PV_REQUIRES(guest.mu) {
    if (guest.run.get() != &run) return nullptr;
    const auto it = guest.blocks.jobs.find(id);
    return it == guest.blocks.jobs.end() ? nullptr : &it->second;
}

// They are their owners' again. Worker.
void close_files(Run& run, const std::vector<std::string>& files) {
    std::vector<Need> needs;
    for (const std::string& file : files) needs.push_back({.path = file, .write = true});
    if (!needs.empty()) run.close_up(needs);
}

void remove_files(const Guest& guest, const std::vector<std::string>& files) {
    struct stat st {};
    for (const std::string& file : files)
        if (::lstat(file.c_str(), &st) == 0 && S_ISREG(st.st_mode) && ::unlink(file.c_str()) != 0)
            log::warning("block", "domain '{}': the image '{}' stays: errno {}", guest.name, file, errno);
}

void log_failure(const Run& run, const std::string& id, const char* what, const Status& status) {
    if (!status) log::warning("block", "domain '{}': job '{}': {}: {}", run.guest()->name, id, what, status.error().message);
}

} // namespace

sdk::Task<Status> begin_job(RunPtr run, BlockJob job, std::string command, Json arguments) {
    const std::string id = job.id;
    {
        const ObjectLock lock(run->guest()->mu);
        if (run->guest()->run != run) co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
        run->guest()->blocks.jobs.insert_or_assign(id, std::move(job));
    }
    const Driver& driver = run->driver();
    Status begun = co_await driver.saved(run->guest());
    if (begun) {
        arguments["job-id"] = id;
        arguments["auto-dismiss"] = false;
        if (const auto reply = co_await run->qmp(std::move(command), std::move(arguments)); !reply) begun = reply.error();
    }
    if (!begun) {
        // Unless it is only the answer that is missing: then the job's own events say what becomes of it.
        if (begun.error().code != ErrorCode::operation_timeout) (void)co_await drop_job(run, id);
        co_return begun;
    }
    {
        const GuestPtr guest = run->guest();
        const ObjectLock lock(guest->mu);
        if (BlockJob* const mine = job_in(*guest, *run, id); mine != nullptr && mine->state == JobState::starting) mine->state = JobState::running;
    }
    co_return co_await driver.saved(run->guest());
}

sdk::Task<Status> drop_job(RunPtr run, std::string id) {
    const Driver& driver = run->driver();
    std::vector<std::uint32_t> unused;
    std::vector<std::string> files;
    bool removes = false;
    {
        const GuestPtr guest = run->guest();
        const ObjectLock lock(guest->mu);
        BlockJob* const job = job_in(*guest, *run, id);
        if (job == nullptr) co_return Status{};
        // A copy that has begun is its owner's.
        removes = job->removes && job->type == PV_DOMAIN_BLOCK_JOB_TYPE_COPY && job->state == JobState::starting;
        job->outcome = PV_DOMAIN_BLOCK_JOB_CANCELED;
        driver.edit_live(*guest, [&](Domain& live) { settle_live(live, *job); });
        unused = job->unused;
        files = job->files;
        guest->blocks.jobs.erase(id);
    }
    (void)co_await delete_images(run, std::move(unused));
    PV_CO_TRY(co_await sdk::on_worker(run->services(), run->guest()->strand));
    if (removes) remove_files(*run->guest(), files); // before it is forgotten
    PV_CO_TRY(co_await driver.saved(run->guest())); // goes on on a worker
    close_files(*run, files);
    co_return Status{};
}

namespace {

// What the emulator says of a job that has ended: empty, or why it failed. Error: it knows none of that name.
sdk::Task<Result<std::string>> end_of(RunPtr run, std::string id) {
    const auto jobs = co_await run->qmp("query-jobs");
    PV_CO_TRY(jobs);
    if (jobs->is_array()) {
        for (const Json& job : *jobs) {
            if (!job.is_object() || job.value("id", Json()) != Json(id)) continue;
            const auto error = job.find("error");
            co_return error != job.end() && error->is_string() ? error->get<std::string>() : std::string();
        }
    }
    co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "the emulator has no job '{}'", id);
}

// Its outcome is settled in both descriptions and on disk; it can be repeated up to there. Worker.
sdk::Task<Status> settle(RunPtr run, std::string id, std::string error) {
    Driver& driver = run->driver();
    const GuestPtr guest = run->guest();
    BlockJob job;
    std::shared_ptr<const Domain> live;
    bool persistent = false;
    {
        const ObjectLock lock(guest->mu);
        const BlockJob* const mine = job_in(*guest, *run, id);
        if (mine == nullptr || !guest->live) co_return Status{};
        job = *mine;
        live = guest->live;
        persistent = guest->config != nullptr;
    }
    job.error = error;
    job.outcome = error.empty()                       ? PV_DOMAIN_BLOCK_JOB_COMPLETED
                  : job.state == JobState::aborting ? PV_DOMAIN_BLOCK_JOB_CANCELED
                                                    : PV_DOMAIN_BLOCK_JOB_FAILED;
    Domain after = *live;
    settle_live(after, job);
    const Disk* const was = find_disk(*live, job.disk);
    const Disk* const is = find_disk(after, job.disk);
    if (persistent && was != nullptr && is != nullptr) {
        bool changed = false;
        auto config = driver.edited_config(guest, [&](Domain& domain) -> Status {
            changed = settle_config(domain, *was, *is, job);
            return {};
        });
        Status kept = config ? Status{} : Status(config.error());
        if (config && changed) kept = driver.put_config(guest, *config, nullptr);
        log_failure(*run, id, "the persistent description is as it was", kept);
    }
    {
        const ObjectLock lock(guest->mu);
        BlockJob* const mine = job_in(*guest, *run, id);
        if (mine == nullptr) co_return Status{};
        mine->outcome = job.outcome;
        mine->error = job.error;
        driver.edit_live(*guest, [&](Domain& domain) { settle_live(domain, *mine); });
        mine->state = JobState::concluded;
    }
    co_return driver.save_status_now(guest, nullptr);
}

} // namespace

sdk::Task<Result<std::int32_t>> conclude_job(RunPtr run, std::string id) {
    const GuestPtr guest = run->guest();
    bool settled = false;
    {
        const ObjectLock lock(guest->mu);
        const BlockJob* const job = job_in(*guest, *run, id);
        if (job == nullptr) co_return std::int32_t{-1};
        settled = job->state == JobState::concluded;
    }
    if (!settled) {
        auto error = co_await end_of(run, id);
        if (!error && error.error().code == ErrorCode::operation_invalid) {
            // Dismissed by somebody at the monitor: what it did is not known, and nothing is claimed.
            PV_CO_TRY(co_await drop_job(run, id));
            co_return std::int32_t{-1};
        }
        PV_CO_TRY(error);
        PV_CO_TRY(co_await sdk::on_worker(run->services(), guest->strand));
        PV_CO_TRY(co_await settle(run, id, *std::move(error)));
    }
    BlockJob job;
    {
        const ObjectLock lock(guest->mu);
        const BlockJob* const mine = job_in(*guest, *run, id);
        if (mine == nullptr) co_return std::int32_t{-1};
        job = *mine;
    }
    // Until then it holds on to its images.
    Json arguments = {{"id", id}};
    (void)co_await run->qmp("job-dismiss", std::move(arguments));
    PV_CO_TRY(co_await delete_images(run, job.unused));
    PV_CO_TRY(co_await sdk::on_worker(run->services(), guest->strand));
    close_files(*run, job.files);
    if (job.removes && job.type != PV_DOMAIN_BLOCK_JOB_TYPE_COPY && job.outcome == PV_DOMAIN_BLOCK_JOB_COMPLETED) remove_files(*guest, job.files);
    {
        const ObjectLock lock(guest->mu);
        if (job_in(*guest, *run, id) == nullptr) co_return std::int32_t{-1};
        guest->blocks.jobs.erase(id);
    }
    log_failure(*run, id, "its end is not on disk", run->driver().save_status_now(guest, nullptr));
    if (!job.error.empty()) log::info("block", "domain '{}': job '{}' has ended: {}", guest->name, id, job.error);
    const ObjectLock lock(guest->mu);
    if (guest->run == run) post_block_job(run->driver(), *guest, job, job.outcome);
    co_return job.outcome;
}

namespace {

// With the guest's job, however long it takes to get it.
void in_turn(const RunPtr& run, sdk::Operation::Body body) {
    constexpr std::int64_t kForever = 365LL * 24 * 3600 * 1'000'000'000;
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(run->guest()->mu);
        handle = run->guest()->handle;
    }
    sdk::Operation::start(run->services(), run->driver().shared_loop(), {.object = handle, .what = "end of a block job", .timeout_ns = kForever},
                          std::move(body));
}

} // namespace

void conclude_in_turn(const RunPtr& run, const std::string& id) {
    in_turn(run, [run, id](const sdk::OperationPtr& op) {
        sdk::start(conclude_job(run, id), [op](const Result<std::int32_t>& done) { op->finish(done ? Status{} : Status(done.error())); });
    });
}

void resume_jobs_in_turn(const RunPtr& run) {
    {
        const ObjectLock lock(run->guest()->mu);
        if (run->guest()->blocks.jobs.empty()) return;
    }
    in_turn(run, [run](const sdk::OperationPtr& op) {
        sdk::start(resume_jobs(run), [op](const Status& done) { op->finish(done); });
    });
}

} // namespace polyvirt::qemu
