// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The documents of what is taken of a domain: <domainsnapshot>, <domaincheckpoint>, <domainbackup>. Plain values, like
// the domain document.
//
//     PV_ASSIGN_OR_RETURN(Snapshot snapshot, parse_snapshot(text));
//     std::string dump = format_snapshot(snapshot, {});

#include "base/result.h"
#include "sdk/domain/domain.h"

namespace polyvirt::sdk::domain {

struct SnapshotDisk {
    std::string name;     // the disk's target, or its source
    std::string snapshot; // no, internal, external, manual; empty: decided by the driver
    std::string type;     // of the new source: file, block, network
    DiskDriver driver;
    std::optional<DiskSource> source;
};
struct SnapshotMemory {
    std::string snapshot, file; // no, internal, external
};
struct SnapshotParent {
    std::string name;
};
struct Snapshot {
    std::string name, description;
    std::string state; // running, paused, shutoff, disk-snapshot ...
    std::optional<std::int64_t> creation_time; // s since 1970
    std::optional<SnapshotParent> parent;
    std::optional<SnapshotMemory> memory;
    std::vector<SnapshotDisk> disks;
    std::optional<Domain> domain;          // what the guest was
    std::optional<Domain> inactive_domain; // its persistent description then, if another
    std::string active;                    // "1": the current one, in old documents
    Kept kept; // cookie
};

struct CheckpointDisk {
    std::string name, checkpoint, bitmap; // checkpoint: no, bitmap
    std::optional<std::uint64_t> size; // bytes, when asked for
};
struct Checkpoint {
    std::string name, description;
    std::optional<std::int64_t> creation_time;
    std::optional<SnapshotParent> parent;
    std::vector<CheckpointDisk> disks;
    std::optional<Domain> domain;
};

struct BackupDisk {
    std::string name, backup, backup_mode, incremental, type, export_name, export_bitmap;
    Number index;
    DiskDriver driver;
    std::optional<DiskSource> target, scratch;
    Kept kept;
};
struct Backup {
    std::string mode; // push, pull
    std::string incremental;
    std::vector<BackupDisk> disks;
    Kept kept; // server
};

void describe(xml::Binder& b, SnapshotDisk& v);
void describe(xml::Binder& b, SnapshotMemory& v);
void describe(xml::Binder& b, SnapshotParent& v);
void describe(xml::Binder& b, Snapshot& v);
void describe(xml::Binder& b, CheckpointDisk& v);
void describe(xml::Binder& b, Checkpoint& v);
void describe(xml::Binder& b, BackupDisk& v);
void describe(xml::Binder& b, Backup& v);

// Errors: xml_error with line. What is wrong across elements (a disk that the domain lacks) is the driver's to say.
// `validate`: what is unknown is an error (xml_invalid_schema).
Result<Snapshot> parse_snapshot(std::string_view text, bool validate = false);
Result<Checkpoint> parse_checkpoint(std::string_view text, bool validate = false);
Result<Backup> parse_backup(std::string_view text);

struct MomentFormat {
    bool secure = false;    // with passwords
    bool no_domain = false; // without the domain's description
    bool size = false;      // checkpoints: with sizes
};
std::string format_snapshot(const Snapshot& snapshot, const MomentFormat& options);
std::string format_checkpoint(const Checkpoint& checkpoint, const MomentFormat& options);
std::string format_backup(const Backup& backup);

} // namespace polyvirt::sdk::domain
