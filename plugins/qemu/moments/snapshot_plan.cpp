// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "moments/snapshot_plan.h"

#include <cerrno>

#include <polyvirt/abi/gen/constants.h>
#include <sys/stat.h>

#include "base/error_text.h"
#include "sdk/domain/moment_rules.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

template <typename... A> Error unsupported(fmt::format_string<A...> text, A&&... a) {
    return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, text, std::forward<A>(a)...);
}
template <typename... A> Error not_supported(fmt::format_string<A...> text, A&&... a) {
    return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, text, std::forward<A>(a)...);
}

Status align(Snapshot& snapshot, const Domain& domain, const SnapshotRequest& request) {
    SnapshotPlacement placement{.mode = "internal", .uniform = true, .keep_domain_mode = true};
    snapshot.state = request.state;
    if ((request.flags & PV_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY) != 0) {
        placement = {.mode = "external", .uniform = false, .keep_domain_mode = false};
        if (request.active) snapshot.state = "disk-snapshot";
        snapshot.memory = SnapshotMemory{"no", {}};
    } else if (snapshot.memory && snapshot.memory->snapshot == "external") {
        placement = {.mode = "external", .uniform = false, .keep_domain_mode = false};
    } else if (!snapshot.memory) {
        snapshot.memory = SnapshotMemory{request.active ? "internal" : "no", {}};
    } else if (request.active && snapshot.memory->snapshot == "no") {
        return unsupported("internal snapshot of a running VM must include the memory state");
    }
    return place_disks(snapshot, domain, placement);
}

Status check_internal(const SnapshotDisk& line, const Disk& disk, bool active) {
    const std::string format = disk.driver.type.empty() ? "raw" : disk.driver.type;
    if (format != "qcow2") return unsupported("internal snapshot for disk {} unsupported for storage type {}", line.name, format);
    if (!active && (!disk.source || (disk.source->file.empty() && disk.source->dev.empty())))
        return unsupported("internal inactive snapshots are not supported on '{}' disks", names_of(disk.type)[static_cast<std::size_t>(disk.type)]);
    return {};
}

Status check_external(SnapshotDisk& line, bool reuse) {
    if (line.driver.type.empty()) line.driver.type = "qcow2";
    if (line.driver.type != "qcow2" && line.driver.type != "qed")
        return unsupported("external snapshot format for disk {} is unsupported: {}", line.name, line.driver.type);
    if (line.type != "file" && line.type != "block")
        return unsupported("external snapshots are not supported on '{}' disks", line.type);
    const std::string path = source_name(*line.source);
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) {
        if (errno != ENOENT) return make_system_error(errno, ErrorDomain::qemu, fmt::format("unable to stat for disk {}: {}", line.name, path));
        if (reuse) return make_system_error(ENOENT, ErrorDomain::qemu, fmt::format("missing existing file for disk {}: {}", line.name, path));
    } else if (!S_ISBLK(facts.st_mode) && facts.st_size > 0 && !reuse) {
        return unsupported("external snapshot file for disk {} already exists and is not a block device: {}", line.name, path);
    }
    return {};
}

struct Found {
    bool internal = false, left_out = false;
    std::size_t external = 0;
};

Result<Found> look_at_disks(Snapshot& snapshot, const Domain& domain, const SnapshotRequest& request) {
    Found found;
    for (std::size_t i = 0; i < snapshot.disks.size(); ++i) {
        SnapshotDisk& line = snapshot.disks[i];
        const Disk& disk = domain.devices.disks[i];
        const bool nothing = source_name(disk).empty() || disk.readonly;
        if (line.snapshot == "internal") {
            if (snapshot.state == "disk-snapshot" && request.active)
                return not_supported("active qemu domains require external disk snapshots; disk {} requested internal", line.name);
            PV_TRY(check_internal(line, disk, request.active));
            found.internal = true;
        } else if (line.snapshot == "external") {
            if (nothing && source_name(disk).empty()) return unsupported("disk '{}' has no medium to take a snapshot of", line.name);
            PV_TRY(check_external(line, (request.flags & PV_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT) != 0));
            ++found.external;
        } else if (!nothing || line.snapshot == "manual") {
            found.left_out = true;
        }
    }
    return found;
}

} // namespace

Status plan_snapshot(Snapshot& snapshot, const Domain& domain, const SnapshotRequest& request) {
    PV_TRY(align(snapshot, domain, request));
    PV_ASSIGN_OR_RETURN(const Found found, look_at_disks(snapshot, domain, request));
    const std::string& memory = snapshot.memory->snapshot;
    if (!found.internal && found.external == 0 && memory == "no") return unsupported("nothing selected for snapshot");
    if (memory == "internal" && !found.internal)
        return unsupported("internal checkpoints require at least one disk to be selected for snapshot");
    if (snapshot.state == "disk-snapshot" && found.external == 0)
        return unsupported("disk-only snapshots require at least one disk to be selected for snapshot");
    if (found.internal && found.external != 0)
        return unsupported("mixing internal and external targets for a snapshot is not yet supported");
    if (found.internal && found.left_out && request.active)
        return unsupported("internal and full system snapshots require all disks to be selected for snapshot");
    if (found.internal && domain.os.loader.type == "pflash")
        return not_supported("internal snapshots of a VM with pflash based firmware are not supported");
    return {};
}

bool takes_overlays(const Snapshot& snapshot) {
    for (const SnapshotDisk& line : snapshot.disks)
        if (line.snapshot == "external") return true;
    return false;
}

std::vector<const Disk*> internal_disks(const Snapshot& snapshot, const Domain& domain) {
    std::vector<const Disk*> found;
    for (const SnapshotDisk& line : snapshot.disks) {
        if (line.snapshot != "internal") continue;
        if (const Disk* const disk = disk_named(domain, line.name)) found.push_back(disk);
    }
    return found;
}

Result<std::vector<std::string>> internal_files(const Snapshot& snapshot, const Domain& domain) {
    std::vector<std::string> files;
    for (const Disk* disk : internal_disks(snapshot, domain)) {
        std::string file = disk->source ? (disk->source->file.empty() ? disk->source->dev : disk->source->file) : std::string();
        if (file.empty()) return unsupported("internal inactive snapshots are not supported on '{}' disks", names_of(disk->type)[static_cast<std::size_t>(disk->type)]);
        files.push_back(std::move(file));
    }
    return files;
}

} // namespace polyvirt::qemu
