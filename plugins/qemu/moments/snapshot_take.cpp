// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Taking a snapshot: inside the images, or by putting new images over them.

#include <utility>

#include <unistd.h>

#include "base/error_text.h"
#include "driver.h"
#include "moments/images.h"
#include "moments/nodes.h"
#include "moments/overlay.h"
#include "moments/snapshot_ops.h"
#include "moments/snapshot_plan.h"
#include "run.h"
#include "save/migrate.h"
#include "sdk/domain/moment_rules.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

constexpr Ending kHalted{.reason = PV_DOMAIN_SHUTOFF_FROM_SNAPSHOT, .detail = PV_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT, .name = "from snapshot"};

// New images over those of a guest that is off. Those that were made are removed if not all can be.
Status make_overlays(const plugin::Services& s, const Snapshot& snapshot, const Domain& domain) {
    std::vector<std::string> made;
    for (const SnapshotDisk& line : snapshot.disks) {
        if (line.snapshot != "external") continue;
        const Disk& disk = *disk_named(domain, line.name);
        NewOverlay overlay{source_name(*line.source), source_name(disk), disk.driver.type.empty() ? "raw" : disk.driver.type};
        const bool fresh = line.type == "file" && ::access(overlay.file.c_str(), F_OK) != 0;
        if (const Status done = make_overlay(s, overlay); !done) {
            for (const std::string& file : made) ::unlink(file.c_str());
            return done;
        }
        if (fresh) made.push_back(std::move(overlay.file));
    }
    return {};
}

} // namespace

SnapshotOps::Task SnapshotOps::take(GuestPtr guest, Taking taking) {
    if (!taking.active) co_return take_inactive(guest, taking);
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    const bool outside = is_external(*taking.snapshot);
    const auto& memory = taking.snapshot->memory;
    if (!outside || (memory && memory->snapshot == "external")) PV_CO_TRY(co_await check_migratable(run));
    if (outside) PV_CO_TRY(co_await take_external(guest, run, taking));
    else PV_CO_TRY(co_await take_internal(guest, run, taking));
    if ((taking.flags & PV_DOMAIN_SNAPSHOT_CREATE_HALT) == 0) co_return Status{};
    co_return co_await run->ended(kHalted);
}

Status SnapshotOps::take_inactive(const GuestPtr& guest, const Taking& taking) {
    const Snapshot& snapshot = *taking.snapshot;
    const Domain& domain = *snapshot.domain;
    if (!takes_overlays(snapshot)) {
        PV_ASSIGN_OR_RETURN(const std::vector<std::string> files, internal_files(snapshot, domain));
        return change_image_snapshots(s_, ImageSnapshot::create, snapshot.name, files);
    }
    const bool reuse = (taking.flags & PV_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT) != 0;
    if (!reuse) PV_TRY(make_overlays(s_, snapshot, domain));
    const Status changed = driver_.edit_config(guest, nullptr, [&](Domain& config) {
        put_overlays(config, snapshot);
        return Status{};
    });
    if (changed || reuse) return changed;
    for (const SnapshotDisk& line : snapshot.disks)
        if (line.snapshot == "external" && line.type == "file") ::unlink(source_name(*line.source).c_str());
    return changed;
}

SnapshotOps::Task SnapshotOps::take_internal(GuestPtr guest, RunPtr run, Taking taking) {
    std::vector<std::string> aliases;
    {
        const ObjectLock lock(guest->mu);
        if (guest->live) aliases = aliases_of(internal_disks(*taking.snapshot, *guest->live));
    }
    PV_CO_ASSIGN_OR_RETURN(const std::vector<std::string> nodes, co_await nodes_of(run, std::move(aliases)));
    if (nodes.empty()) co_return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "the guest has no disk for its memory");
    if (taking.was_running) PV_CO_TRY(co_await run->pause(PV_DOMAIN_PAUSED_SAVE));
    Json arguments = {{"tag", taking.snapshot->name}, {"vmstate", nodes.front()}, {"devices", nodes}};
    Status saved = co_await run_emulator_job(run, "snapshot-save", std::move(arguments));
    const bool halts = saved && (taking.flags & PV_DOMAIN_SNAPSHOT_CREATE_HALT) != 0;
    if (!taking.was_running || halts) co_return saved;
    Status going = co_await run->go_on(PV_DOMAIN_RUNNING_UNPAUSED);
    co_return saved ? going : saved;
}

} // namespace polyvirt::qemu
