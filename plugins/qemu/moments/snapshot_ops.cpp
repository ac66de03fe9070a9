// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "moments/snapshot_ops.h"

#include <utility>

#include "base/error_text.h"
#include "driver.h"
#include "moments/snapshot_plan.h"
#include "moments/unfinished.h"
#include "save/jobs.h"
#include "sdk/domain/moment_rules.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

constexpr std::uint32_t kCreateFlags =
    PV_DOMAIN_SNAPSHOT_CREATE_REDEFINE | PV_DOMAIN_SNAPSHOT_CREATE_CURRENT | PV_DOMAIN_SNAPSHOT_CREATE_NO_METADATA |
    PV_DOMAIN_SNAPSHOT_CREATE_HALT | PV_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | PV_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT |
    PV_DOMAIN_SNAPSHOT_CREATE_QUIESCE | PV_DOMAIN_SNAPSHOT_CREATE_ATOMIC | PV_DOMAIN_SNAPSHOT_CREATE_LIVE |
    PV_DOMAIN_SNAPSHOT_CREATE_VALIDATE;

Error refused(ErrorCode code, std::string_view text) { return make_error(code, ErrorDomain::qemu, "{}", text); }

// Some flags make sense beside others alone.
Status check_together(std::uint32_t flags) {
    const auto has = [flags](std::uint32_t flag) { return (flags & flag) != 0; };
    if (has(PV_DOMAIN_SNAPSHOT_CREATE_QUIESCE) && !has(PV_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY))
        return refused(ErrorCode::invalid_arg, "quiesce flag requires disk-only flag in function qemuSnapshotCreateXML");
    if (has(PV_DOMAIN_SNAPSHOT_CREATE_LIVE) && has(PV_DOMAIN_SNAPSHOT_CREATE_REDEFINE))
        return refused(ErrorCode::invalid_arg, "live and redefine flags are mutually exclusive in function qemuSnapshotCreateXML");
    return {};
}

std::string_view state_name(std::int32_t state) {
    constexpr std::string_view kNames[] = {"nostate", "running", "blocked", "paused", "shutdown", "shutoff", "crashed", "pmsuspended"};
    return state >= 0 && static_cast<std::size_t>(state) < std::size(kNames) ? kNames[state] : "nostate";
}

} // namespace

pv_status SnapshotOps::create_xml(pv_call* call, const pv_obj* obj, const pv_snapshot_create_xml_in& in, pv_snapshot_create_xml_out& out) {
    if (const Status flags = check_flags(in.flags, kCreateFlags, "qemuSnapshotCreateXML"); !flags) return answer(call, flags);
    if (const Status together = check_together(in.flags); !together) return answer(call, together);
    return with_job(call, obj, PV_JOB_ASYNC, "snapshot", [this, in, to = &out](const sdk::OperationPtr& op, const GuestPtr& guest) {
        return create(op, guest, in.xml, in.flags, to);
    });
}

SnapshotOps::Task SnapshotOps::create(sdk::OperationPtr op, GuestPtr guest, std::string xml, std::uint32_t flags, pv_snapshot_create_xml_out* out) {
    const bool redefining = (flags & PV_DOMAIN_SNAPSHOT_CREATE_REDEFINE) != 0;
    PV_CO_ASSIGN_OR_RETURN(Snapshot snapshot, parse_snapshot(xml, (flags & PV_DOMAIN_SNAPSHOT_CREATE_VALIDATE) != 0));
    snapshot.active.clear();
    if (redefining) co_return redefine(op, guest, std::move(snapshot), flags, *out);
    PV_CO_ASSIGN_OR_RETURN(Taking taking, prepare(guest, std::move(snapshot), flags));
    const JobTicketPtr ticket = std::make_shared<JobTicket>(driver_, guest, PV_DOMAIN_JOB_OPERATION_SNAPSHOT);
    Status taken = put_unfinished(s_, guest->uuid, {.name = taking.snapshot->name}, op->call());
    if (taken) taken = co_await take(guest, taking);
    ticket->end(taken, false);
    PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    if (!taken) {
        drop_unfinished(s_, *guest);
        co_return taken;
    }
    const bool forget = (flags & PV_DOMAIN_SNAPSHOT_CREATE_NO_METADATA) != 0;
    PV_CO_TRY(keep(op, guest, *taking.snapshot, taking.parent, true, out));
    drop_unfinished(s_, *guest);
    if (!forget) co_return Status{};
    // The caller is told of it by what is published; then it goes, and only the images know.
    op->finish({});
    co_return co_await remove_one(guest, taking.snapshot->name, false);
}

Status SnapshotOps::redefine(const sdk::OperationPtr& op, const GuestPtr& guest, Snapshot snapshot, std::uint32_t flags,
                             pv_snapshot_create_xml_out& out) {
    PV_TRY(check_snapshot(snapshot, {.redefine = true, .offline = false}, ErrorDomain::qemu));
    const std::string parent = snapshot.parent ? snapshot.parent->name : std::string();
    std::optional<Snapshot> before;
    {
        const ObjectLock lock(guest->mu);
        PV_TRY(check_parent(guest->snapshots, snapshot.name, parent));
        if (const auto* item = guest->snapshots.find(snapshot.name)) before = item->document;
    }
    if (before && !snapshot.domain) {
        PV_ASSIGN_OR_RETURN(Snapshot stored, driver_.moments().snapshot(guest->uuid, snapshot.name));
        snapshot.domain = std::move(stored.domain);
        snapshot.inactive_domain = std::move(stored.inactive_domain);
    }
    PV_TRY(check_redefined(snapshot, guest->uuid,
                           {.before = before ? &*before : nullptr, .disk_only = (flags & PV_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY) != 0}));
    PV_TRY(driver_.settle(*snapshot.domain));
    if (snapshot.inactive_domain) PV_TRY(driver_.settle(*snapshot.inactive_domain));
    PV_TRY(place_disks(snapshot, *snapshot.domain, placement_of(snapshot)));
    return keep(op, guest, snapshot, parent, (flags & PV_DOMAIN_SNAPSHOT_CREATE_CURRENT) != 0, &out);
}

Result<SnapshotOps::Taking> SnapshotOps::prepare(const GuestPtr& guest, Snapshot snapshot, std::uint32_t flags) {
    Taking taking{.snapshot = nullptr, .parent = {}, .flags = flags, .active = false, .was_running = false};
    std::shared_ptr<const Domain> live;
    PackedDomainPtr config;
    std::string state;
    {
        const ObjectLock lock(guest->mu);
        if (!guest->checkpoints.empty())
            return refused(ErrorCode::operation_unsupported, "cannot create snapshot while checkpoint exists");
        if ((flags & PV_DOMAIN_SNAPSHOT_CREATE_HALT) != 0 && !guest->config)
            return refused(ErrorCode::operation_invalid, "cannot halt after transient domain snapshot");
        if (guest->state == PV_DOMAIN_PMSUSPENDED)
            return refused(ErrorCode::operation_unsupported, "qemu doesn't support taking snapshots of PMSUSPENDED guests");
        live = guest->live;
        config = guest->config;
        state = state_name(guest->state);
        taking.was_running = guest->state == PV_DOMAIN_RUNNING;
        taking.parent = guest->snapshots.current();
    }
    taking.active = live != nullptr;
    const bool disk_only = (flags & PV_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY) != 0;
    PV_TRY(check_snapshot(snapshot, {.redefine = false, .offline = disk_only || !taking.active}, ErrorDomain::qemu));
    const bool outside = snapshot.memory && snapshot.memory->snapshot == "external";
    if ((flags & PV_DOMAIN_SNAPSHOT_CREATE_LIVE) != 0 && (!taking.active || !outside))
        return refused(ErrorCode::operation_unsupported, "live snapshot creation is supported only during full system snapshots");
    // As another daemon would get them: what the emulator implies is left out and filled in again.
    const auto copy = [this](const Domain& domain) { return driver_.parse(format_domain(domain, {.inactive = true, .secure = true, .migratable = true})); };
    if (config) {
        PV_ASSIGN_OR_RETURN(const Domain description, config->unpack());
        PV_ASSIGN_OR_RETURN((taking.active ? snapshot.inactive_domain : snapshot.domain), copy(description));
    }
    if (live) {
        PV_ASSIGN_OR_RETURN(snapshot.domain, copy(*live));
    }
    if (!snapshot.domain) return no_domain(*guest);
    PV_TRY(plan_snapshot(snapshot, *snapshot.domain, {.flags = flags, .active = taking.active, .state = state}));
    {
        const ObjectLock lock(guest->mu);
        if (guest->snapshots.find(snapshot.name) != nullptr)
            return make_error(ErrorCode::operation_failed, ErrorDomain::domain_snapshot, "domain moment {} already exists", snapshot.name);
    }
    taking.snapshot = std::make_shared<Snapshot>(std::move(snapshot));
    return taking;
}

Status SnapshotOps::keep(const sdk::OperationPtr& op, const GuestPtr& guest, const Snapshot& snapshot, const std::string& parent, bool current,
                         pv_snapshot_create_xml_out* out) {
    Snapshot whole = snapshot;
    if (parent.empty()) whole.parent.reset();
    else whole.parent = SnapshotParent{parent};
    // First which is current: where that is not there, the next daemon chooses another.
    if (current) PV_TRY(driver_.moments().put_current(PV_KIND_SNAPSHOT, guest->uuid, whole.name, op->call()));
    PV_TRY(driver_.moments().put(guest->uuid, whole, op->call()));
    Moment<Snapshot> item;
    item.parent = parent;
    item.attrs = snapshot_attrs(whole);
    whole.domain.reset();
    whole.inactive_domain.reset();
    const std::string name = whole.name;
    item.document = std::move(whole);
    const ObjectLock lock(guest->mu);
    if (guest->removed) return no_domain(*guest);
    PV_TRY(guest->snapshots.put(s_, op->call(), guest->handle, guest, name, std::move(item)));
    if (current) guest->snapshots.set_current(s_, name);
    if (out != nullptr) out->obj = guest->snapshots.find(name)->handle;
    driver_.show(*guest);
    return {};
}

pv_status SnapshotOps::xml_desc(pv_call* call, const pv_obj* obj, const pv_snapshot_xml_desc_in& in, pv_snapshot_xml_desc_out& out) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_SNAPSHOT_XML_SECURE, "qemuDomainSnapshotGetXMLDesc"); !flags)
        return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    std::string parent;
    {
        const ObjectLock lock(guest->mu);
        const auto* const item = guest->snapshots.find(obj->name);
        if (item == nullptr) return answer(call, no_snapshot(obj->name));
        parent = item->parent;
    }
    auto snapshot = driver_.moments().snapshot(guest->uuid, obj->name);
    if (!snapshot) return answer(call, snapshot.error());
    if (parent.empty()) snapshot->parent.reset();
    else snapshot->parent = SnapshotParent{parent};
    return give(call, out.xml, format_snapshot(*snapshot, {.secure = in.flags != 0}));
}

} // namespace polyvirt::qemu
