// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// New images over those of a running guest, in one step of the emulator's.

#include <cstdint>
#include <string>
#include <vector>

#include "monitor/monitor.h"
#include "sdk/domain/snapshot.h"

namespace polyvirt::qemu {

// The description's disks then have the new images of an external snapshot. `live`: with what is below them.
void put_overlays(sdk::domain::Domain& domain, const sdk::domain::Snapshot& snapshot, bool live);

} // namespace polyvirt::qemu
