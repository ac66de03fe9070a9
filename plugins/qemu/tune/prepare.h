// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What tuning does on the way of a guest's emulator from its start to the guest's first instruction, and when a guest is
// found again.

#include "part.h"
#include "run.h"
#include "tune/limits.h"
#include "tune/threads.h"

namespace polyvirt::qemu {

// Plugs in the processors that the document has so, learns which thread is which, and gives each its place, its policy and
// its limits. On the loop; goes on anywhere.
sdk::Task<Status> prepare_tuning(RunPtr run);
// Gives each processor and each I/O thread a group of its own, in which its time is counted. Not on the way of the start:
// moving a thread takes the kernel longer than all else here.
sdk::Task<Status> separate_threads(RunPtr run);
// Learns what the emulator has by now, and brings the live description up to it. Errors are logged by the caller.
sdk::Task<Status> relearn_tuning(RunPtr run);

// Asks which thread is which. Goes on on the loop.
sdk::Task<Status> learn_threads(RunPtr run);
sdk::Task<Status> learn_iothreads(RunPtr run);
// Places of processors on the board, by number of the first in each.
sdk::Task<Result<std::vector<VcpuPlace>>> learn_places(RunPtr run);
// Brings the live description up to the threads that are known.
void show_vcpus(Run& run) PV_REQUIRES(run.guest()->mu);
// Puts a processor's thread where the live description says. Worker.
Status place_vcpu(const Run& run, const Domain& live, std::uint32_t vcpu);
Status place_iothread(const Run& run, const Domain& live, std::uint32_t id);
Status place_emulator(const Run& run, const Domain& live);

// The same for one that has just come: with its group and its share of time.
Status welcome_vcpu(const Run& run, const Domain& live, std::uint32_t vcpu);
Status welcome_iothread(const Run& run, const Domain& live, std::uint32_t id);
std::vector<std::int64_t> emulator_threads(const Run& run);
// The threads that `where` is about are in its group from then on; all of the guest are in the guest's. Worker.
Status enter_group(const Run& run, const Limits& limits, Within where);
// Shares, periods and quotas that differ (ops_scheduler.cpp). Worker.
Status put_in_force(const Run& run, const sdk::domain::Cputune& before, const sdk::domain::Cputune& after);

// Events of the emulator, on the loop.
void on_balloon_change(Run& run, const QmpEvent& event);
// A processor that a call no longer waits for has gone at last.
void on_vcpu_deleted(Run& run, const QmpEvent& event);

} // namespace polyvirt::qemu
