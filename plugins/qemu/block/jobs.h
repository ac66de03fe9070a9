// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Block jobs from their begin to their end. A job is in the guest's table, and in the status record, before the emulator
// hears of it; it goes from there when everything that it left behind is cleared up. In between the daemon may die at
// any line: what it then finds in the record is carried on (resume_jobs).
//
// The end of a job (JOB_STATUS_CHANGE "concluded"; the emulator keeps it until job-dismiss) is: its outcome, and what
// that makes of the descriptions, on disk; job-dismiss; blockdev-del of the images that nobody has any more; their
// files, if that was asked for; then clients are told. It holds the guest's job, so that no call comes in between.
//
//     PV_CO_TRY(co_await begin_job(run, {.id = job_id("pull", disk), .type = ..., .disk = "vda"}, "block-stream", arguments));

#include <string>
#include <string_view>
#include <vector>

#include "block/chain.h"
#include "block/state.h"
#include "command/blockdev.h"
#include "part.h"
#include "run.h"

namespace polyvirt::qemu {

// "pull", "copy", "commit", "active-commit", "backup".
std::string_view job_type_name(std::int32_t type);
// "pull-vda-libvirt-3-format".
std::string job_id(std::string_view kind, const sdk::domain::Disk& disk, const Link& image);
// Error: the disk has a job already.
Status check_free(const Guest& guest, const sdk::domain::Disk& disk) PV_REQUIRES(guest.mu);

// With the guest's job. `arguments` without job-id; they get it, with auto-dismiss false. The live description has what
// belongs to the job (a mirror) by then; where the emulator refuses, that goes again, with the nodes of job.unused.
sdk::Task<Status> begin_job(RunPtr run, BlockJob job, std::string command, Json arguments);
// Takes a job out of the table that never began, and what belongs to it.
sdk::Task<Status> drop_job(RunPtr run, std::string id);
// The end of a job, with the guest's job held. Goes on anywhere. The outcome, PV_DOMAIN_BLOCK_JOB_*; -1: it has ended
// before.
sdk::Task<Result<std::int32_t>> conclude_job(RunPtr run, std::string id);
// The same as soon as the guest's job is to be had. Any thread, no lock held.
void conclude_in_turn(const RunPtr& run, const std::string& id);
// After a restart of the daemon, with the guest's job held: jobs go on, or end as they have ended meanwhile. On the
// loop; goes on anywhere.
sdk::Task<Status> resume_jobs(RunPtr run);
// Where the guest's job is not held.
void resume_jobs_in_turn(const RunPtr& run);

// Both events of a job.
void post_block_job(const Driver& driver, const Guest& guest, const BlockJob& job, std::int32_t status) PV_REQUIRES(guest.mu);

// --- what an outcome makes of the descriptions (job_outcome.cpp); without I/O ---

// The running guest's; sets job.unused and job.files.
void settle_live(sdk::domain::Domain& live, BlockJob& job);
// The persistent one, where it still has what ran: `before` is the live disk as it was. False: it stays as it is.
bool settle_config(sdk::domain::Domain& config, const sdk::domain::Disk& before, const sdk::domain::Disk& after, const BlockJob& job);

// --- images of a running guest (images.cpp) ---

// Both nodes of an image; `link` has its number. On failure neither is left.
sdk::Task<Status> add_image(RunPtr run, sdk::domain::Disk disk, Link link, NodePlace place);
// Their nodes; what is gone already is no error, what cannot go is logged.
sdk::Task<Status> delete_images(RunPtr run, std::vector<std::uint32_t> numbers);
// A new image file or what a block device then holds, of `capacity` bytes, above `backing` (null: nothing). Worker. A
// regular file that is there must be empty. Errors: those of qemu-img, whose files are removed again.
Status create_image(const plugin::Services& s, pv_call* call, const Link& image, const Link* backing, std::uint64_t capacity);

// The image that `name` means, from links[first] on: a path, a name relative to what refers to it, or "vda[3]". Its
// place in the chain. Errors: invalid_arg.
Result<std::size_t> find_image(const Chain& chain, std::string_view target, const std::string& name, std::size_t first);
// The name by which links[from] may refer to links[to] so that both can be moved together. Worker. Error:
// operation_invalid where what is between them is not relative.
Result<std::string> relative_name(const Chain& chain, std::size_t from, std::size_t to);

} // namespace polyvirt::qemu
