// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the documents of snapshots, checkpoints and backups must say, and what is filled in where they say nothing. For every
// driver. Pure, but that a disk whose file is to be found a name has to be one itself.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/uuid.h"
#include "sdk/domain/snapshot.h"

namespace polyvirt::sdk::domain {

// The path, or the name, of where a disk's data is; empty: nowhere.
std::string source_name(const Disk& disk);
std::string source_name(const DiskSource& source);
// By its target, or by its source. Null: the domain has none of that name.
const Disk* disk_named(const Domain& domain, std::string_view name);

// Whether it keeps something outside of the disks that the guest had: its memory, or a disk.
bool is_external(const Snapshot& snapshot);
struct SnapshotTerms {
    bool redefine = false;
    bool offline = false; // nothing of the memory can be kept
};
// The document by itself: name and time (now, where it is new and says nothing), state, memory, files.
Status check_snapshot(Snapshot& snapshot, const SnapshotTerms& terms, ErrorDomain driver);

struct SnapshotPlacement {
    std::string_view mode = "internal"; // of disks that say nothing
    bool uniform = false;               // no disk may have another mode, but it may be left out
    bool real_files = true;             // a disk whose file is to be found a name is one of this host's
    bool keep_domain_mode = true;       // <disk snapshot=''/> of the domain counts, not only where it is "no"
};
// Each disk of the domain has its line, in the domain's order; those to be external have a file.
Status place_disks(Snapshot& snapshot, const Domain& domain, const SnapshotPlacement& placement);

// What a client brings back: against the one it replaces (null: none) and the domain that it is of.
struct Redefinition {
    const Snapshot* before = nullptr; // its domain need not be there
    bool disk_only = false;
};
Status check_redefined(const Snapshot& snapshot, const Uuid& domain, const Redefinition& how);
SnapshotPlacement placement_of(const Snapshot& snapshot); // of a redefined one

// Same for checkpoints: each disk has its line.
Status check_checkpoint(Checkpoint& checkpoint, bool redefine, ErrorDomain driver);
Status place_disks(Checkpoint& checkpoint, const Domain& domain);

// Backups: mode, disks, where they go.
Status place_disks(Backup& backup, const Domain& domain, std::string_view suffix);

// A parent that is not one: the moment itself, none that is known, one below it.
Error own_parent(const std::string& name);
Error no_parent(const std::string& name, const std::string& parent);
Error cycle(const std::string& name, const std::string& parent);

} // namespace polyvirt::sdk::domain
