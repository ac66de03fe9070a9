// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What the driver does before the first client comes in: reads what users defined, finds what still
// runs, starts what should run. What cannot be read is set aside by name; the rest goes on.

#include <algorithm>
#include <utility>

#include <polyvirt/abi/entry.h>
#include <polyvirt/job.h>

#include "base/error_text.h"
#include "base/log.h"
#include "block/chain.h"
#include "driver.h"
#include "moments/unfinished.h"
#include "net/port.h"
#include "net/script.h"
#include "save/save_ops.h"
#include "sdk/guests/definitions_impl.h"
#include "run.h"
#include "taint.h"

template class polyvirt::sdk::Definitions<polyvirt::qemu::Guest>;

namespace polyvirt::qemu {
namespace {

// Of a record that doesn't say it.
std::uint32_t first_free_image(const Domain& domain) {
    std::uint32_t highest = 0;
    for (const sdk::domain::Disk& disk : domain.devices.disks) {
        for (const Link& link : chain_of(disk).links) highest = std::max(highest, link.number());
        if (!disk.mirror) continue;
        for (const Link& link : mirror_chain(*disk.mirror).links) highest = std::max(highest, link.number());
    }
    return highest + 1;
}

} // namespace

Status Driver::start(pv_call*, std::uint32_t) {
    // Not in the constructor: create() acquires nothing.
    loop_ = plugin::Loop(s_, PV_LOOP_SHARED, "qemu");
    if (!loop_ || !notices_.start("qemu"))
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "the host has no loop or event queue for the driver");
    PV_TRY(confinement_.start(s_));
    definitions_.load();
    std::vector<Found> found = load_statuses();
    networks_ = follow_networks(*this);
    reconcile_ports(*this);
    moments_.load(*this); // of guests that only run, too
    finish_cut_snapshots(*this);
    const std::set<Uuid> saved = saving().store().load(*this);
    // Not earlier: it puts right what is half done, for which all that is known of a guest must have been read.
    for (Found& one : found) reconnect(std::move(one), saved);
    definitions_.autostart(statuses_, settings().autostart_delay_ns,
                           [this](const sdk::OperationPtr& op, const GuestPtr& guest) { start_defined(op, guest, {}); });
    return {};
}

// Guests go on; their records say all that the next daemon must know.
void Driver::stop(std::uint32_t why) {
    definitions_.stop();
    networks_.reset();
    for (const GuestPtr& guest : guests_.all()) {
        std::shared_ptr<Run> run;
        {
            const ObjectLock lock(guest->mu);
            run = guest->run;
        }
        if (!run) continue;
        if (why == PV_STOP_SESSION_END) run->post_destroy(false, [](const Status&) {});
        else run->post_detach();
    }
}

std::vector<Driver::Found> Driver::load_statuses() {
    std::vector<Found> found;
    const Status read = statuses_.each("", [this, &found](const std::string& name, std::string_view text) { load_status(name, text, found); });
    if (!read) log::error("startup", "{}", read.error().message);
    return found;
}

void Driver::load_status(const std::string& name, std::string_view text, std::vector<Found>& found) {
    if (sdk::record_stem(name, ".json").empty()) return;
    auto record = parse_status(text);
    if (!record) return statuses_.set_aside(name, record.error().message);
    auto live = sdk::live_of_record(record->xml, record->name, record->uuid);
    if (!live) return statuses_.set_aside(name, live.error().message);
    if (record->id >= next_id_) next_id_ = record->id + 1;
    if (record->pid == 0) {
        free_ports(s_, *live);
        clear_cut_start(*record);
        for (const auto& i : live->devices.interfaces) take_down(*this, record->name, i);
        return;
    }
    confinement_.claims().restore(record->claims);
    host_devices_.restore(record->name, record->host_devices);

    const auto added = guests_.add(std::make_shared<Guest>(record->uuid, record->name), nullptr, sdk::published_as(0));
    if (!added) return statuses_.set_aside(name, added.error().message);
    const GuestPtr guest = added->object;
    auto run = Run::make(*this, guest, record->id);
    if (!run) {
        log::error("startup", "domain '{}': no thread for it to be had; it runs on unmanaged", record->name);
        return;
    }
    const auto who = record->user.empty() ? Result<Identity>(own_identity()) : identity_of_label(record->user);
    if (who) run->set_identity(*who);
    else log::error("startup", "domain '{}': {}", record->name, who.error().message);
    {
        const ObjectLock lock(guest->mu);
        guest->live = std::make_shared<const Domain>(*std::move(live));
        guest->run = run;
        guest->id = record->id;
        guest->agent_timeout = record->agent_timeout;
        guest->taints = taints_of(record->taints);
        guest->blocks = block_state_from(record->blocks);
        guest->blocks.next_image = std::max(guest->blocks.next_image, first_free_image(*guest->live));
        guest->claims = record->claims;
        guest->links = record->links;
        guest->host_devices = record->host_devices;
        guest->servers = record->servers;
        guest->attaching = record->attaching;
        guest->pausing = record->pausing;
        if (auto backup = sdk::domain::parse_backup(record->backup); backup)
            guest->backup = std::make_shared<const BackupUnderWay>(BackupUnderWay{*std::move(backup), record->backup_files});
        set_state(*guest, record->state, record->reason);
    }
    found.push_back({.guest = guest, .run = std::move(run), .record = *std::move(record)});
}

// Whoever calls while its monitor is being reconnected waits for this job.
void Driver::reconnect(Found found, const std::set<Uuid>& saved) {
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(found.guest->mu);
        handle = found.guest->handle;
    }
    const bool ends = saved.contains(found.guest->uuid);
    sdk::Operation::start(s_, loop_, {.object = handle, .what = "reconnect"}, [this, found = std::move(found), ends](const sdk::OperationPtr& op) {
        const Status adopted = found.run->adopt(found.record);
        if (ends) saving().end_saved(found.guest, *found.run);
        if (!adopted) return found.run->post_failed(op, adopted.error());
        found.run->post_adopted(op);
    });
}

} // namespace polyvirt::qemu
