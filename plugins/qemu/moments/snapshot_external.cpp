// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// A snapshot of a running guest outside of its images: new ones over them, and its memory in a file, if it is to be kept.

#include <utility>

#include <unistd.h>

#include "agent/agent.h"
#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "moments/images.h"
#include "moments/nodes.h"
#include "moments/overlay.h"
#include "moments/snapshot_ops.h"
#include "moments/unfinished.h"
#include "run.h"
#include "save/migrate.h"
#include "save/params.h"
#include "save/save_ops.h"
#include "sdk/domain/moment_rules.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

// The new images as they are to be; nothing is made yet.
Result<std::vector<Overlay>> plan_overlays(Guest& guest, const Snapshot& snapshot) {
    std::vector<Overlay> overlays;
    const ObjectLock lock(guest.mu);
    if (!guest.live) return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
    for (const SnapshotDisk& line : snapshot.disks) {
        if (line.snapshot != "external") continue;
        const Disk* const disk = disk_named(*guest.live, line.name);
        if (disk == nullptr) return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "disk '{}' is gone", line.name);
        if (guest.blocks.job_of(line.name) != nullptr)
            return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "disk '{}' already in active block job", line.name);
        Overlay overlay;
        overlay.disk = *disk;
        overlay.link.type = line.type == "block" ? DiskType::block : DiskType::file;
        overlay.link.source = *line.source;
        overlay.link.source.index = guest.blocks.take_number();
        overlay.link.format = line.driver.type;
        overlays.push_back(std::move(overlay));
    }
    return overlays;
}

Status make_files(const plugin::Services& s, const Guest& guest, const Snapshot& snapshot, std::vector<Overlay>& overlays) {
    std::vector<std::string> made;
    for (Overlay& overlay : overlays) {
        overlay.made = overlay.link.type == DiskType::file && ::access(overlay.link.path().c_str(), F_OK) != 0;
        if (overlay.made) made.push_back(overlay.link.path());
    }
    if (snapshot.memory && snapshot.memory->snapshot == "external" && ::access(snapshot.memory->file.c_str(), F_OK) != 0)
        made.push_back(snapshot.memory->file);
    PV_TRY(put_unfinished_files(s, guest.uuid, snapshot.name, std::move(made)));
    for (const Overlay& overlay : overlays) {
        const std::string path = overlay.link.path();
        PV_TRY(make_overlay(s, {path, source_name(overlay.disk), overlay.disk.driver.type.empty() ? "raw" : overlay.disk.driver.type}));
    }
    return {};
}

void remove_files(const std::vector<Overlay>& overlays) {
    for (const Overlay& overlay : overlays)
        if (overlay.made) ::unlink(overlay.link.path().c_str());
}

std::vector<Need> needs_of(const std::vector<Overlay>& overlays) {
    std::vector<Need> needs;
    for (const Overlay& overlay : overlays) needs.push_back({.path = overlay.link.path(), .write = true});
    return needs;
}

// Where the persistent description has the same image, it has the new one next.
void follow(Domain& config, const std::vector<Overlay>& overlays, bool back) {
    for (const Overlay& overlay : overlays) {
        for (Disk& disk : config.devices.disks) {
            const std::string now = source_name(disk);
            if (disk.target.dev != overlay.disk.target.dev || now != (back ? overlay.link.path() : source_name(overlay.disk))) continue;
            disk.type = back ? overlay.disk.type : overlay.link.type;
            disk.source = back ? *overlay.disk.source : overlay.link.source;
            disk.source->index.reset();
            disk.driver.type = back ? overlay.disk.driver.type : overlay.link.format;
            disk.backing.clear();
        }
    }
}

} // namespace

// What is written down comes before the emulator's step: an image that lies over another and is empty reads like that one, so a
// daemon that dies in between leaves nothing wrong behind; the other way round would have the next start use the old image.
Status SnapshotOps::write_down(const GuestPtr& guest, const std::vector<Overlay>& overlays, bool back) {
    bool persistent = false;
    {
        const ObjectLock lock(guest->mu);
        persistent = guest->config != nullptr;
    }
    if (persistent) {
        PV_TRY(driver_.edit_config(guest, nullptr, [&](Domain& config) {
            follow(config, overlays, back);
            return Status{};
        }));
    }
    {
        const ObjectLock lock(guest->mu);
        driver_.edit_live(*guest, [&](Domain& live) { back ? drop_overlays(live, overlays) : put_overlays(live, overlays); });
    }
    return driver_.save_status_now(guest, nullptr);
}

SnapshotOps::Task SnapshotOps::take_overlays(GuestPtr guest, RunPtr run, std::shared_ptr<std::vector<Overlay>> overlays) {
    if (overlays->empty()) co_return Status{};
    PV_CO_ASSIGN_OR_RETURN(const auto nodes, co_await disk_nodes(run));
    for (Overlay& overlay : *overlays) {
        const auto node = nodes.find(overlay.disk.target.dev);
        if (node == nodes.end())
            co_return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "disk '{}' has no image open", overlay.disk.target.dev);
        overlay.node = node->second;
    }
    PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    PV_CO_TRY(run->open_up(needs_of(*overlays), nullptr));
    Status taken = write_down(guest, *overlays, false);
    if (taken) taken = co_await switch_to(run, *overlays);
    PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    if (taken) co_return Status{};
    if (const Status back = write_down(guest, *overlays, true); !back)
        log::error("snapshot", "domain '{}': {}", guest->name, back.error().message);
    run->close_up(needs_of(*overlays));
    co_return taken;
}

// With the guest's file systems frozen meanwhile where that is asked for. Its agent is not waited for without end: the job
// of the snapshot holds up others.
SnapshotOps::Task SnapshotOps::take_external(GuestPtr guest, RunPtr run, Taking taking) {
    constexpr std::int32_t kAgentPatience = 120; // seconds
    if ((taking.flags & PV_DOMAIN_SNAPSHOT_CREATE_QUIESCE) == 0) co_return co_await take_outside(guest, run, taking);
    const std::vector<std::string> all;
    const auto frozen = co_await agent_freeze(run, all, nullptr, kAgentPatience);
    Status taken;
    if (frozen) taken = co_await take_outside(guest, run, taking);
    else taken = frozen.error();
    // One that did not answer may have frozen all the same.
    if (frozen || frozen.error().code == ErrorCode::agent_unresponsive) {
        const auto thawed = co_await agent_thaw(run, nullptr, kAgentPatience);
        if (!thawed && frozen) log::error("snapshot", "domain '{}' stays frozen: {}", guest->name, thawed.error().message);
    }
    co_return taken;
}

SnapshotOps::Task SnapshotOps::take_outside(GuestPtr guest, RunPtr run, Taking taking) {
    const Snapshot& snapshot = *taking.snapshot;
    PV_CO_ASSIGN_OR_RETURN(auto planned, plan_overlays(*guest, snapshot));
    const auto overlays = std::make_shared<std::vector<Overlay>>(std::move(planned));
    PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    if ((taking.flags & PV_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT) == 0) {
        if (Status made = make_files(s_, *guest, snapshot, *overlays); !made) {
            remove_files(*overlays);
            co_return made;
        }
    }
    const bool memory = snapshot.memory && snapshot.memory->snapshot == "external";
    const bool live = (taking.flags & PV_DOMAIN_SNAPSHOT_CREATE_LIVE) != 0;
    Status taken;
    if (memory && taking.was_running && !live) taken = co_await run->pause(PV_DOMAIN_PAUSED_SNAPSHOT);
    if (taken && memory) taken = co_await keep_memory(guest, run, taking);
    if (taken) taken = co_await take_overlays(guest, run, overlays);
    PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    if (!taken) {
        remove_files(*overlays);
        if (memory) ::unlink(snapshot.memory->file.c_str());
    }
    const bool halts = taken && (taking.flags & PV_DOMAIN_SNAPSHOT_CREATE_HALT) != 0;
    if (!memory || !taking.was_running || halts) co_return taken;
    const Status going = co_await run->go_on(PV_DOMAIN_RUNNING_UNPAUSED);
    co_return taken ? going : taken;
}

SnapshotOps::Task SnapshotOps::keep_memory(GuestPtr guest, RunPtr run, Taking taking) {
    ImageFacts facts;
    facts.running = taking.was_running;
    facts.xml = format_domain(*taking.snapshot->domain, {.inactive = true, .secure = true});
    PV_CO_ASSIGN_OR_RETURN(facts.compression, compression_of(setting(s_, "snapshot_image_format")));
    const JobTicketPtr ticket = std::make_shared<JobTicket>(driver_, guest, PV_DOMAIN_JOB_OPERATION_SNAPSHOT, [run] { cancel_migration(run); });
    Status written = co_await driver_.saving().write_image(run, taking.snapshot->memory->file, std::move(facts), ticket, "snapshot");
    ticket->end(written, false);
    co_return written;
}

} // namespace polyvirt::qemu
