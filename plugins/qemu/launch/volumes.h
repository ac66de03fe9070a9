// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Disks by pool and volume. The driver of pools is asked what a volume is when a guest begins to use it; from then on the
// live description has a file or device like any other, and beside it pool and volume, by which clients see it as it was
// written. The guest's record keeps both, so that nobody is asked again after a restart. Workers.

#include <string>

#include <polyvirt/services.h>

#include "base/result.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

// Nothing for disks that are anything else. `call`: for whom; null: for the host itself. Errors: those of the look-up,
// config_unsupported for a pool that is not active and for volumes that are no file, device or folder.
Status find_volume(const plugin::Services& s, pv_call* call, sdk::domain::Disk& disk);
Status find_volumes(const plugin::Services& s, pv_call* call, sdk::domain::Domain& domain);

// A live description as clients see it: disks as they were written.
std::string format_written(const sdk::domain::Domain& live, const sdk::domain::FormatOptions& options);

} // namespace polyvirt::qemu
