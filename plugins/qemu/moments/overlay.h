// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// New images over those that a guest has.

#include <memory>
#include <string>
#include <vector>

#include "block/chain.h"
#include "monitor/monitor.h"
#include "sdk/domain/snapshot.h"
#include "sdk/task.h"

namespace polyvirt::qemu {

class Run;

// One new image of a running guest's disk.
struct Overlay {
    sdk::domain::Disk disk; // as it is before
    Link link;              // the new image, with its number
    std::string node;       // of the disk's image now
    bool made = false;      // its file is of our making
};

// A persistent description's disks then have the images of an external snapshot.
void put_overlays(sdk::domain::Domain& domain, const sdk::domain::Snapshot& snapshot);
// The same of a running guest's, with what is below; and back.
void put_overlays(sdk::domain::Domain& domain, const std::vector<Overlay>& overlays);
void drop_overlays(sdk::domain::Domain& domain, const std::vector<Overlay>& overlays);

// Opens the new images, and then puts all of them in place in one step: all or none. On the loop.
sdk::Task<Status> switch_to(std::shared_ptr<Run> run, std::vector<Overlay> overlays);

// The emulator's nodes of an image come or go. On the loop.
sdk::Task<Status> open_nodes_of(std::shared_ptr<Run> run, sdk::domain::Disk disk, Link link, std::string below);
sdk::Task<Status> close_nodes_of(std::shared_ptr<Run> run, std::uint32_t number);

} // namespace polyvirt::qemu
