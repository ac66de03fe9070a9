// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What of a guest's snapshots is half done, written down before anything is done (snapshots/UUID.unfinished), so that the next
// daemon ends it: a snapshot that was being made and that nobody was told of goes from the images again, with the files made
// for it; one that was being removed goes altogether.

#include <memory>
#include <string>
#include <vector>

#include "driver.h"
#include "sdk/task.h"

namespace polyvirt::qemu {

struct Unfinished {
    std::string name;  // the snapshot's
    bool removing = false;
    std::vector<std::string> files{}; // made for it
};
inline constexpr std::string_view kUnfinished = ".unfinished"; // of a record that is no snapshot's

// Workers.
Status put_unfinished(const plugin::Services& s, const Uuid& guest, const Unfinished& what, pv_call* call);
// Further: what is made for it.
Status put_unfinished_files(const plugin::Services& s, const Uuid& guest, const std::string& name, std::vector<std::string> files);
void drop_unfinished(const plugin::Services& s, const Guest& guest);
// What is known of a snapshot goes; its images stay as they are.
Status forget_snapshot(Driver& driver, const GuestPtr& guest, const std::string& name) PV_NO_LOCKS_HELD;

// With the job of a guest that an earlier daemon started, on its loop: its emulator ends what it was doing, then this is put
// right. Also images that were to be put over others and are not yet.
sdk::Task<Status> finish_cut_snapshot(GuestPtr guest, std::shared_ptr<Run> run);
// The same of one that does not run, with a job of its own; nothing where nothing is unfinished. Worker or init.
void finish_cut_snapshot_off(Driver& driver, const GuestPtr& guest) PV_NO_LOCKS_HELD;
// [init] Of all that do not run.
void finish_cut_snapshots(Driver& driver) PV_NO_LOCKS_HELD;

} // namespace polyvirt::qemu
