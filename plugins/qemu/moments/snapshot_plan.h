// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What a new snapshot will be: which disks are kept where, and what cannot be done. Looks at files, changes none.

#include <cstdint>
#include <string>
#include <vector>

#include "sdk/domain/snapshot.h"

namespace polyvirt::qemu {

struct SnapshotRequest {
    std::uint32_t flags = 0; // PV_DOMAIN_SNAPSHOT_CREATE_*
    bool active = false;
    std::string state;       // of the guest: running, paused, shutoff ...
};

// Fills in state, memory and disks, and refuses what this driver cannot take.
Status plan_snapshot(sdk::domain::Snapshot& snapshot, const sdk::domain::Domain& domain, const SnapshotRequest& request);

// Whether it is of disks alone, into new files.
bool takes_overlays(const sdk::domain::Snapshot& snapshot);
// The disks of the domain that hold an internal snapshot: those of a guest's current description that the document names.
std::vector<const sdk::domain::Disk*> internal_disks(const sdk::domain::Snapshot& snapshot, const sdk::domain::Domain& domain);
// Their files. Error: config_unsupported for one that has none.
Result<std::vector<std::string>> internal_files(const sdk::domain::Snapshot& snapshot, const sdk::domain::Domain& domain);

} // namespace polyvirt::qemu
