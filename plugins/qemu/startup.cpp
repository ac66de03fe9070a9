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
#include "save/save_ops.h"
#include "sdk/domain/notes.h"
#include "run.h"
#include "taint.h"

namespace polyvirt::qemu {
namespace {

constexpr const char* kAutostarted = "autostarted";

// "NAME.suffix" -> NAME; empty if it is something else's.
std::string stem(const std::string& record, std::string_view suffix) {
    if (record.size() <= suffix.size() || !record.ends_with(suffix)) return {};
    return record.substr(0, record.size() - suffix.size());
}

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
    events_ = plugin::EventQueue(s_, "qemu");
    if (!loop_ || !events_)
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "the host has no loop or event queue for the driver");
    PV_TRY(confinement_.start(s_));
    load_configs();
    load_autostart();
    std::vector<Found> found = load_statuses();
    networks_ = follow_networks(*this);
    reconcile_ports(*this);
    moments_.load(*this); // of guests that only run, too
    finish_cut_snapshots(*this);
    const std::set<Uuid> saved = saving().store().load(*this);
    // Not earlier: it puts right what is half done, for which all that is known of a guest must have been read.
    for (Found& one : found) reconnect(std::move(one), saved);
    autostart_guests();
    return {};
}

// Guests go on; their records say all that the next daemon must know.
void Driver::stop(std::uint32_t why) {
    autostart_timers_.clear();
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

void Driver::load_configs() {
    const Status read = configs_.each("", [this](const std::string& name, std::string_view xml) { load_config(name, xml); });
    if (!read) log::error("startup", "{}", read.error().message);
}

void Driver::load_config(const std::string& name, std::string_view xml) {
    const std::string guest_name = stem(name, ".xml");
    if (guest_name.empty()) return;
    // Completed when it was defined, so it is taken as it is: that is what makes ten thousand of them quick,
    // and a guest whose emulator is missing today is still there.
    auto parsed = sdk::domain::parse_domain(xml);
    if (!parsed) return configs_.set_aside(name, parsed.error().message);
    Domain& d = parsed->domain;
    d.notes = sdk::domain::notes_of(xml);
    if (d.name != guest_name || !d.uuid)
        return configs_.set_aside(name, fmt::format("it describes the domain '{}', not '{}'", d.name, guest_name));
    auto packed = sdk::domain::PackedDomain::pack(d, xml);
    // Not set aside: the record is good, and the next start may find more memory.
    if (!packed) return log::error("startup", "domain '{}' is not loaded: {}", d.name, packed.error().message);
    auto guest = std::make_shared<Guest>(*d.uuid, d.name);
    {
        const ObjectLock lock(guest->mu);
        guest->config = *std::move(packed);
    }
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.state = PV_DOMAIN_SHUTOFF;
    desc.attrs = PV_ATTR_PERSISTENT;
    const auto added = guests_.add(guest, nullptr, desc);
    if (!added) configs_.set_aside(name, added.error().message);
}

void Driver::load_autostart() {
    const Status read = configs_.each("autostart", [this](const std::string& record, std::string_view text) {
        // Listed with or without the folder's name, by the host's choice.
        const std::size_t slash = record.rfind('/');
        const std::string name = stem(slash == std::string::npos ? record : record.substr(slash + 1), ".xml");
        const auto uuid = Uuid::parse(text.substr(0, text.find('\n')));
        const GuestPtr guest = uuid ? guests_.find(*uuid) : nullptr;
        if (!guest || guest->name != name) {
            log::warning("startup", "autostart record '{}' belongs to no domain", record);
            return;
        }
        const ObjectLock lock(guest->mu);
        guest->autostart = true;
        show(*guest);
    });
    if (!read) log::error("startup", "{}", read.error().message);
}

std::vector<Driver::Found> Driver::load_statuses() {
    std::vector<Found> found;
    const Status read = statuses_.each("", [this, &found](const std::string& name, std::string_view text) { load_status(name, text, found); });
    if (!read) log::error("startup", "{}", read.error().message);
    return found;
}

void Driver::load_status(const std::string& name, std::string_view text, std::vector<Found>& found) {
    if (stem(name, ".json").empty()) return;
    auto record = parse_status(text);
    if (!record) return statuses_.set_aside(name, record.error().message);
    auto live = sdk::domain::parse_domain(record->xml, {.inactive = false});
    if (!live) return statuses_.set_aside(name, live.error().message);
    live->domain.notes = sdk::domain::notes_of(record->xml);
    if (live->domain.name != record->name || live->domain.uuid != record->uuid)
        return statuses_.set_aside(name, "name or uuid of record and description differ");
    if (record->id >= next_id_) next_id_ = record->id + 1;
    if (record->pid == 0) {
        free_ports(s_, live->domain);
        return clear_cut_start(*record);
    }
    confinement_.claims().restore(record->claims);

    auto guest = std::make_shared<Guest>(record->uuid, record->name);
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.state = PV_DOMAIN_SHUTOFF;
    auto added = guests_.add(guest, nullptr, desc);
    if (!added) return statuses_.set_aside(name, added.error().message);
    guest = added->object;
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
        guest->live = std::make_shared<const Domain>(std::move(live->domain));
        guest->run = run;
        guest->id = record->id;
        guest->agent_timeout = record->agent_timeout;
        guest->taints = taints_of(record->taints);
        guest->blocks = block_state_from(record->blocks);
        guest->blocks.next_image = std::max(guest->blocks.next_image, first_free_image(*guest->live));
        guest->claims = record->claims;
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

// Once per boot of the host: the marker goes with the records of what runs. A guest that somebody has
// stopped is not started again because the daemon was.
void Driver::autostart_guests() {
    const auto marker = statuses_.get(kAutostarted, 100);
    if (!marker || *marker) return;
    if (const Status put = statuses_.put(kAutostarted, "1\n"); !put) log::error("startup", "{}", put.error().message);
    std::int64_t after = 0;
    for (const GuestPtr& guest : guests_.all()) {
        {
            const ObjectLock lock(guest->mu);
            if (!guest->autostart || guest->active()) continue;
        }
        if (after == 0) autostart(guest);
        else autostart_timers_.push_back(loop_.timer(after, 0, [this, guest] { autostart(guest); }));
        after += settings().autostart_delay_ns;
    }
}

void Driver::autostart(const GuestPtr& guest) {
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(guest->mu);
        if (guest->removed || !guest->autostart || guest->active()) return;
        handle = guest->handle;
    }
    sdk::Operation::start(s_, loop_, {.object = handle, .what = "autostart"}, [this, guest](const sdk::OperationPtr& op) {
        // On a worker, wherever the job was granted.
        if (!plugin::submit(s_, 0, [this, op, guest] { start_defined(op, guest, {}); })) start_defined(op, guest, {});
    });
}

} // namespace polyvirt::qemu
