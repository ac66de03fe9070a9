// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/moment_rules.h"

#include <algorithm>
#include <ctime>
#include <set>
#include <utility>

#include <sys/stat.h>

#include "base/error_text.h"

namespace polyvirt::sdk::domain {
namespace {

constexpr ErrorDomain kDomain = ErrorDomain::domain_snapshot, kBackup = ErrorDomain::domain;

template <typename... A> Error xml_error(fmt::format_string<A...> text, A&&... a) {
    return make_error(ErrorCode::xml_error, kDomain, text, std::forward<A>(a)...);
}
template <typename... A> Error unsupported(fmt::format_string<A...> text, A&&... a) {
    return make_error(ErrorCode::config_unsupported, kDomain, text, std::forward<A>(a)...);
}
template <typename... A> Error invalid_arg(fmt::format_string<A...> text, A&&... a) {
    return make_error(ErrorCode::invalid_arg, kDomain, text, std::forward<A>(a)...);
}

constexpr std::string_view kStates[] = {"nostate", "running", "blocked", "paused", "shutdown", "shutoff", "crashed", "pmsuspended", "disk-snapshot"};
constexpr std::string_view kModes[] = {"no", "internal", "external", "manual"};

template <std::size_t N> bool one_of(const std::string& text, const std::string_view (&list)[N]) {
    return std::find(std::begin(list), std::end(list), text) != std::end(list);
}
bool runs(const std::string& state) { return state == "running" || state == "paused"; }

bool is_empty(const Disk& disk) { return source_name(disk).empty() && !(disk.source && disk.source->nvme); }

// Names become names of files.
Status check_name(const char* what, const std::string& name, ErrorDomain driver) {
    const auto refused = [&](const char* why) {
        return Error{.code = ErrorCode::xml_detail, .domain = driver, .message = fmt::format("invalid {} name '{}': name can't {}", what, name, why)};
    };
    if (name.find('/') != std::string::npos) return refused("contain '/'");
    if (name.starts_with('.')) return refused("start with '.'");
    return {};
}

Status check_memory(Snapshot& snapshot, const SnapshotTerms& terms) {
    const bool off = terms.redefine ? snapshot.state == "shutoff" || snapshot.state == "disk-snapshot" : terms.offline;
    if (snapshot.memory) {
        SnapshotMemory& memory = *snapshot.memory;
        if (!one_of(memory.snapshot, kModes) || memory.snapshot == "manual")
            return xml_error("unknown memory snapshot setting '{}'", memory.snapshot);
        if (!memory.file.empty() && memory.snapshot != "external") return xml_error("memory filename '{}' requires external snapshot", memory.file);
        if (memory.file.empty() && memory.snapshot == "external") return xml_error("external memory snapshots require a filename");
        if (!memory.file.empty() && !memory.file.starts_with('/'))
            return xml_error("memory snapshot file path ({}) must be absolute", memory.file);
    } else if (terms.redefine) {
        snapshot.memory = SnapshotMemory{off ? "no" : "internal", {}};
    }
    if (off && snapshot.memory && snapshot.memory->snapshot != "no")
        return xml_error("memory state cannot be saved with offline or disk-only snapshot");
    return {};
}

// "/images/hda.qcow2" and "asdf": "/images/hda.asdf".
Status name_file(SnapshotDisk& disk, const Disk& of, const std::string& snapshot, bool real) {
    if (!disk.type.empty() && disk.type != "file")
        return unsupported("cannot generate external snapshot name for disk '{}' on a '{}' device", disk.name, disk.type);
    std::string path = of.source ? of.source->file : std::string();
    if (path.empty() && of.source) path = of.source->dev;
    if (path.empty()) return unsupported("cannot generate external snapshot name for disk '{}' without source", disk.name);
    struct stat facts {};
    if (real && (::stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)))
        return unsupported("source for disk '{}' is not a regular file; refusing to generate external snapshot name", disk.name);
    const std::size_t dot = path.rfind('.');
    if (dot != std::string::npos && path.find('/', dot) == std::string::npos) path.resize(dot);
    if (!disk.source) disk.source.emplace();
    disk.source->file = path + "." + snapshot;
    return {};
}

std::string path_of(const SnapshotDisk& disk) {
    if (!disk.source) return {};
    return !disk.source->file.empty() ? disk.source->file : disk.source->dev;
}

// An external one has somewhere to go, and nobody else goes there.
Status place_files(Snapshot& snapshot, const Domain& domain, bool real) {
    std::set<std::string> taken;
    for (std::size_t i = 0; i < snapshot.disks.size(); ++i) {
        SnapshotDisk& disk = snapshot.disks[i];
        if (disk.snapshot != "external") continue;
        if (disk.type.empty()) disk.type = "file";
        const bool somewhere = !path_of(disk).empty() || (disk.source && !disk.source->protocol.empty());
        if (!somewhere) PV_TRY(name_file(disk, domain.devices.disks[i], snapshot.name, real));
        const std::string path = path_of(disk);
        if (disk.type == "file" && !path.starts_with('/')) return xml_error("disk snapshot image path '{}' must be absolute", path);
        if (!path.empty() && !taken.insert(path).second)
            return unsupported("cannot use the file '{}' for disk '{}': another disk of the snapshot has it", path, disk.name);
    }
    return {};
}

Status place_given(SnapshotDisk& disk, const Disk& of, const SnapshotPlacement& placement) {
    disk.name = of.target.dev;
    if (disk.source) disk.source->startup_policy.clear(); // of disks alone
    if (!disk.snapshot.empty() && !one_of(disk.snapshot, kModes)) return xml_error("unknown disk snapshot setting '{}'", disk.snapshot);
    if (disk.snapshot.empty()) {
        const bool own = !of.snapshot.empty() && (placement.keep_domain_mode || of.snapshot == "no");
        disk.snapshot = own ? of.snapshot : std::string(placement.mode);
    } else if (placement.uniform && disk.snapshot != placement.mode && disk.snapshot != "no") {
        return unsupported("disk '{}' must use snapshot mode '{}'", disk.name, placement.mode);
    }
    if (disk.snapshot != "external" && !path_of(disk).empty())
        return xml_error("file '{}' for disk '{}' requires use of external snapshot mode", path_of(disk), disk.name);
    return {};
}

} // namespace

std::string source_name(const Disk& disk) { return disk.source ? source_name(*disk.source) : std::string(); }

std::string source_name(const DiskSource& s) {
    for (const std::string* text : {&s.file, &s.dev, &s.dir, &s.name, &s.volume, &s.path, &s.protocol})
        if (!text->empty()) return *text;
    return {};
}

const Disk* disk_named(const Domain& domain, std::string_view name) {
    if (name.empty()) return nullptr;
    for (const Disk& disk : domain.devices.disks)
        if (disk.target.dev == name) return &disk;
    for (const Disk& disk : domain.devices.disks)
        if (source_name(disk) == name) return &disk;
    return nullptr;
}

bool is_external(const Snapshot& snapshot) {
    return (snapshot.memory && snapshot.memory->snapshot == "external") ||
           std::any_of(snapshot.disks.begin(), snapshot.disks.end(), [](const SnapshotDisk& d) { return d.snapshot == "external"; });
}

Status check_snapshot(Snapshot& snapshot, const SnapshotTerms& terms, ErrorDomain driver) {
    if (terms.redefine) {
        if (snapshot.name.empty()) return xml_error("a redefined snapshot must have a name");
        if (!snapshot.creation_time) return xml_error("missing creationTime from existing snapshot");
        if (snapshot.state.empty()) return xml_error("missing state from existing snapshot");
        if (!one_of(snapshot.state, kStates)) return xml_error("Invalid state '{}' in domain snapshot XML", snapshot.state);
    } else {
        snapshot.creation_time = std::time(nullptr);
        if (snapshot.name.empty()) snapshot.name = fmt::format("{}", *snapshot.creation_time);
        snapshot.state.clear();
        snapshot.parent.reset();
        snapshot.domain.reset();
        snapshot.inactive_domain.reset();
    }
    PV_TRY(check_memory(snapshot, terms));
    return check_name("snapshot", snapshot.name, driver);
}

Status place_disks(Snapshot& snapshot, const Domain& domain, const SnapshotPlacement& placement) {
    const auto& disks = domain.devices.disks;
    if (snapshot.disks.size() > disks.size()) return unsupported("too many disk snapshot requests for domain");
    std::vector<std::optional<SnapshotDisk>> placed(disks.size());
    for (SnapshotDisk& given : snapshot.disks) {
        const Disk* const of = disk_named(domain, given.name);
        if (of == nullptr) return unsupported("no disk named '{}'", given.name);
        auto& slot = placed[static_cast<std::size_t>(of - disks.data())];
        if (slot) return unsupported("disk '{}' specified twice", of->target.dev);
        slot = std::move(given);
        PV_TRY(place_given(*slot, *of, placement));
    }
    snapshot.disks.clear();
    for (std::size_t i = 0; i < disks.size(); ++i) {
        if (!placed[i]) {
            placed[i].emplace();
            if (is_empty(disks[i]) || disks[i].readonly) placed[i]->snapshot = "no";
            PV_TRY(place_given(*placed[i], disks[i], placement));
        }
        snapshot.disks.push_back(*std::move(placed[i]));
    }
    return place_files(snapshot, domain, placement.real_files);
}

Status check_redefined(const Snapshot& snapshot, const Uuid& domain, const Redefinition& how) {
    if (how.disk_only && snapshot.state != "disk-snapshot")
        return invalid_arg("disk-only flag for snapshot {} requires disk-snapshot state", snapshot.name);
    if (snapshot.domain && snapshot.domain->uuid && *snapshot.domain->uuid != domain)
        return invalid_arg("definition for snapshot {} must use uuid {}", snapshot.name, domain.to_string());
    if (how.before != nullptr) {
        if (runs(how.before->state) != runs(snapshot.state))
            return invalid_arg("cannot change between online and offline snapshot state in snapshot {}", snapshot.name);
        if ((how.before->state == "disk-snapshot") != (snapshot.state == "disk-snapshot"))
            return invalid_arg("cannot change between disk only and full system in snapshot {}", snapshot.name);
    }
    if (!snapshot.domain) return make_error(ErrorCode::internal_error, kDomain, "missing domain in snapshot");
    return {};
}

SnapshotPlacement placement_of(const Snapshot& snapshot) {
    const bool outside = snapshot.state == "disk-snapshot" || is_external(snapshot);
    return {.mode = outside ? "external" : "internal", .uniform = !outside};
}

Error own_parent(const std::string& name) { return invalid_arg("cannot set moment {} as its own parent", name); }
Error no_parent(const std::string& name, const std::string& parent) { return invalid_arg("parent {} for moment {} not found", parent, name); }
Error cycle(const std::string& name, const std::string& parent) { return invalid_arg("parent {} would create cycle to {}", parent, name); }

Status check_checkpoint(Checkpoint& checkpoint, bool redefine, ErrorDomain driver) {
    if (redefine) {
        if (checkpoint.name.empty()) return make_error(ErrorCode::xml_error, ErrorDomain::domain_checkpoint, "a redefined checkpoint must have a name");
        if (!checkpoint.creation_time)
            return make_error(ErrorCode::xml_error, ErrorDomain::domain_checkpoint, "missing creationTime from existing checkpoint");
    } else {
        checkpoint.creation_time = std::time(nullptr);
        if (checkpoint.name.empty()) checkpoint.name = fmt::format("{}", *checkpoint.creation_time);
        checkpoint.parent.reset();
        checkpoint.domain.reset();
    }
    return check_name("checkpoint", checkpoint.name, driver);
}

Status place_disks(Checkpoint& checkpoint, const Domain& domain) {
    constexpr ErrorDomain kWhere = ErrorDomain::domain_checkpoint;
    const auto& disks = domain.devices.disks;
    const bool all = checkpoint.disks.empty();
    if (checkpoint.disks.size() > disks.size()) return make_error(ErrorCode::config_unsupported, kWhere, "too many disk checkpoint requests for domain");
    if (disks.empty()) return make_error(ErrorCode::config_unsupported, kWhere, "domain must have at least one disk to perform checkpoints");
    std::vector<std::optional<CheckpointDisk>> placed(disks.size());
    for (CheckpointDisk& given : checkpoint.disks) {
        const Disk* const of = disk_named(domain, given.name);
        if (of == nullptr) return make_error(ErrorCode::config_unsupported, kWhere, "no disk named '{}'", given.name);
        auto& slot = placed[static_cast<std::size_t>(of - disks.data())];
        if (slot) return make_error(ErrorCode::config_unsupported, kWhere, "disk '{}' specified twice", of->target.dev);
        slot = std::move(given);
        if (slot->checkpoint.empty()) slot->checkpoint = "bitmap";
        if (slot->checkpoint == "bitmap" && (is_empty(*of) || of->readonly))
            return make_error(ErrorCode::config_unsupported, kWhere, "disk '{}' is empty or readonly", of->target.dev);
        if (slot->checkpoint != "bitmap" && !slot->bitmap.empty())
            return make_error(ErrorCode::config_unsupported, kWhere, "bitmap for disk '{}' requires checkpoint bitmap", of->target.dev);
    }
    checkpoint.disks.clear();
    for (std::size_t i = 0; i < disks.size(); ++i) {
        if (!placed[i]) {
            placed[i].emplace();
            placed[i]->checkpoint = all && !is_empty(disks[i]) && !disks[i].readonly ? "bitmap" : "no";
        }
        placed[i]->name = disks[i].target.dev;
        if (placed[i]->checkpoint == "bitmap" && placed[i]->bitmap.empty()) placed[i]->bitmap = checkpoint.name;
        checkpoint.disks.push_back(*std::move(placed[i]));
    }
    return {};
}

namespace {

Status place_target(BackupDisk& disk, const Disk& of, bool push, std::string_view suffix) {
    if (disk.type.empty()) disk.type = "file";
    if (disk.type != "file" && disk.type != "block") return make_error(ErrorCode::config_unsupported, kBackup, "unsupported disk backup type '{}'", disk.type);
    if (disk.driver.type.empty()) disk.driver.type = "qcow2";
    std::optional<DiskSource>& to = push ? disk.target : disk.scratch;
    if (to && !source_name(*to).empty()) return {};
    if (disk.type != "file" || !of.source || of.source->file.empty())
        return make_error(ErrorCode::config_unsupported, kBackup, "refusing to generate file name for disk '{}'", disk.name);
    if (!to) to.emplace();
    to->file = fmt::format("{}.{}", of.source->file, suffix);
    return {};
}

} // namespace

Status place_disks(Backup& backup, const Domain& domain, std::string_view suffix) {
    if (backup.mode.empty()) backup.mode = "push";
    if (backup.mode != "push" && backup.mode != "pull")
        return make_error(ErrorCode::xml_error, kBackup, "Invalid value for attribute 'mode' in element 'domainbackup': '{}'", backup.mode);
    const bool push = backup.mode == "push";
    const bool all = backup.disks.empty();
    const auto& disks = domain.devices.disks;
    std::vector<char> named(disks.size());
    for (BackupDisk& given : backup.disks) {
        const Disk* const of = disk_named(domain, given.name);
        if (of == nullptr) return make_error(ErrorCode::config_unsupported, kBackup, "no disk named '{}'", given.name);
        if (std::exchange(named[static_cast<std::size_t>(of - disks.data())], 1) != 0)
            return make_error(ErrorCode::config_unsupported, kBackup, "backup for disk '{}' specified more than once", of->target.dev);
        given.name = of->target.dev;
        if (given.backup.empty()) given.backup = "yes";
        if (given.backup == "yes" && is_empty(*of)) return make_error(ErrorCode::config_unsupported, kBackup, "disk '{}' has no media", given.name);
        if (push && (!given.export_name.empty() || !given.export_bitmap.empty()))
            return make_error(ErrorCode::xml_error, kBackup, "exportname and exportbitmap are of pull mode, disk '{}'", given.name);
    }
    for (std::size_t i = 0; i < disks.size(); ++i) {
        if (named[i] != 0) continue;
        BackupDisk added;
        added.name = disks[i].target.dev;
        added.backup = all && !is_empty(disks[i]) && !disks[i].readonly ? "yes" : "no";
        backup.disks.push_back(std::move(added));
    }
    bool any = false;
    for (BackupDisk& disk : backup.disks) {
        if (disk.backup != "yes") continue;
        any = true;
        if (disk.incremental.empty() && disk.backup_mode != "full") disk.incremental = backup.incremental;
        if (disk.backup_mode.empty()) disk.backup_mode = disk.incremental.empty() ? "full" : "incremental";
        if (disk.backup_mode == "incremental" && disk.incremental.empty())
            return make_error(ErrorCode::xml_error, kBackup, "'incremental' backup mode of disk '{}' requires setting 'incremental' field", disk.name);
        PV_TRY(place_target(disk, *disk_named(domain, disk.name), push, suffix));
    }
    if (!any) return make_error(ErrorCode::config_unsupported, kBackup, "no disks selected for backup");
    return {};
}

} // namespace polyvirt::sdk::domain
