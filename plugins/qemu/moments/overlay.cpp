// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "moments/overlay.h"

#include <utility>

#include "sdk/domain/moment_rules.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

void put_overlays(Domain& domain, const Snapshot& snapshot, bool live) {
    for (const SnapshotDisk& line : snapshot.disks) {
        if (line.snapshot != "external" || !line.source) continue;
        for (Disk& disk : domain.devices.disks) {
            if (disk.target.dev != line.name) continue;
            if (live) {
                BackingStore below;
                below.type = disk.type;
                below.format = disk.driver.type.empty() ? "raw" : disk.driver.type;
                below.source = disk.source;
                below.next = std::move(disk.backing);
                disk.backing.assign(1, std::move(below));
            } else {
                disk.backing.clear();
            }
            disk.type = line.type == "block" ? DiskType::block : DiskType::file;
            disk.source = line.source;
            disk.driver.type = line.driver.type;
        }
    }
}

} // namespace polyvirt::qemu
