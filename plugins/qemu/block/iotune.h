// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Limits on the I/O of disks, as the emulator takes them.

#include "block/disks.h"
#include "run.h"

namespace polyvirt::qemu {

// Arguments of block_set_io_throttle. All zero: no limit.
Json throttle_arguments(const sdk::domain::Disk& disk, const sdk::domain::DiskIotune& tune);
// Gives each disk of a guest that starts its limits. On the loop; goes on there.
sdk::Task<Status> apply_io_tune(RunPtr run);

// In a description: disks of one group have one limit. Empty limits are none.
void set_io_tune(sdk::domain::Domain& domain, const std::string& target, const sdk::domain::DiskIotune& tune);

} // namespace polyvirt::qemu
