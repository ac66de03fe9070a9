// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A guest's state as a stream through a descriptor: out of its emulator, and into a new one.

#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "monitor/monitor.h"
#include "save/jobs.h"
#include "sdk/task.h"

namespace polyvirt::qemu {

class Run;

inline constexpr std::int64_t kLook = 200'000'000; // ns between two looks at the figures

// Whether the guest's state can be had at all, before anything is done for it: the emulator names what stands against it (a
// file system, a device of the host). A worker afterwards. Error: operation_invalid, with all that it names.
sdk::Task<Status> check_migratable(std::shared_ptr<Run> run);
// Writes all of it, as fast as it goes; progress is in the ticket. On the loop afterwards. Errors: operation_aborted where the job
// was cancelled; operation_failed.
sdk::Task<Status> migrate_to(std::shared_ptr<Run> run, std::shared_ptr<UniqueFd> fd, JobTicketPtr ticket, const char* what);
// Ends that. Any thread.
void cancel_migration(const std::shared_ptr<Run>& run);
// Makes an emulator that was begun with a stream (Beginning::incoming) read it to its end.
sdk::Task<Status> read_incoming(std::shared_ptr<Run> run);

// Gives up what an earlier daemon began to write out, and waits until the emulator has: it may also have come to its end. On the loop.
// Error: operation_timeout, it goes on.
sdk::Task<Status> end_cut_migration(std::shared_ptr<Run> run);

// Of a reply to query-migrate. Pure.
JobFigures migration_figures(const Json& info);
std::string migration_blockers(const Json& info); // "; " between them; empty: none

} // namespace polyvirt::qemu
