// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A backup of a running guest's disks, as it is planned and while it lasts. Push: the emulator copies each disk to a file, or what
// changed since a checkpoint. Pull: it keeps what the guest overwrites in scratch files and offers the disks of that
// moment through NBD until the job is ended.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "block/chain.h"
#include "monitor/monitor.h"
#include "moments/bitmaps.h"
#include "sdk/domain/snapshot.h"

namespace polyvirt::qemu {

// One disk of it.
struct BackupPart {
    sdk::domain::Disk disk;
    Link link;                // target or scratch file, with its number
    std::string node;         // of the disk
    std::string job;          // the emulator's, "backup-vda-..."
    std::string since;        // bitmap of the checkpoint; empty: all of it
    std::string changed;      // the frozen copy of that
    std::string export_name;  // of a pull
    std::uint64_t size = 0;   // bytes, as the guest sees it
    bool made = false;        // the file is of our making
};

struct BackupPlan {
    sdk::domain::Backup document;
    std::vector<BackupPart> parts;
    [[nodiscard]] bool pull() const { return document.mode == "pull"; }
};

// The virtual size of a node, of a reply to query-named-block-nodes.
std::optional<std::uint64_t> node_size(const Json& named_nodes, const std::string& node);
// The one step that begins all of it at one moment. `checkpoint`: made at the same moment; null: none.
Json backup_steps(const BackupPlan& plan, const sdk::domain::Checkpoint* checkpoint, const Nodes& nodes);

struct BackupProgress {
    std::uint64_t done = 0, total = 0;
    bool over = false;
    std::string error; // of the first that failed
};
// Of a reply to query-jobs.
BackupProgress backup_progress(const Json& jobs, const std::vector<BackupPart>& parts);

} // namespace polyvirt::qemu
