// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.snapshot: a tree of what a domain was.

#include <ctime>
#include <utility>

#include "domains.h"
#include "op.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

using namespace sdk::domain;

constexpr std::uint32_t kSnapshotFlags =
    PV_DOMAIN_SNAPSHOT_CREATE_REDEFINE | PV_DOMAIN_SNAPSHOT_CREATE_CURRENT | PV_DOMAIN_SNAPSHOT_CREATE_HALT |
    PV_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | PV_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT | PV_DOMAIN_SNAPSHOT_CREATE_QUIESCE |
    PV_DOMAIN_SNAPSHOT_CREATE_ATOMIC | PV_DOMAIN_SNAPSHOT_CREATE_LIVE | PV_DOMAIN_SNAPSHOT_CREATE_VALIDATE;

Error no_snapshot(std::string_view name) {
    return make_error(ErrorCode::no_domain_snapshot, ErrorDomain::test, "no domain snapshot with matching name '{}'", name);
}

std::string_view state_name(std::int32_t state) {
    switch (state) {
    case PV_DOMAIN_RUNNING: return "running";
    case PV_DOMAIN_PAUSED: return "paused";
    case PV_DOMAIN_PMSUSPENDED: return "pmsuspended";
    case PV_DOMAIN_CRASHED: return "crashed";
    default: return "shutoff";
    }
}

// The files of an imaginary host are names.
Status place(Snapshot& snapshot, const Domain& domain, bool external) {
    PV_TRY(place_disks(snapshot, domain, {.mode = external ? "external" : "internal", .real_files = false, .keep_domain_mode = !external}));
    for (SnapshotDisk& disk : snapshot.disks)
        if (disk.snapshot == "external" && disk.driver.type.empty()) disk.driver.type = "qcow2";
    return {};
}

class Snapshots : public Ops {
  public:
    using Ops::Ops;

    pv_status create_xml(pv_call* call, const pv_obj* obj, const pv_snapshot_create_xml_in& in, pv_snapshot_create_xml_out& out) {
        if (const Status flags = check_flags(in.flags, kSnapshotFlags, "testDomainSnapshotCreateXML"); !flags) return answer(call, flags);
        auto snapshot = parse_snapshot(in.xml, (in.flags & PV_DOMAIN_SNAPSHOT_CREATE_VALIDATE) != 0);
        if (!snapshot) return fail(call, snapshot.error());
        return driver_.domains().change(call, obj, "snapshot",
                                        [this_driver = &driver_, call, flags = in.flags, snapshot = *std::move(snapshot), result = &out](Guest& guest)
                                            PV_REQUIRES(guest.mu) -> Status {
                                            return create(*this_driver, call, guest, snapshot, flags, *result);
                                        });
    }

    pv_status xml_desc(pv_call* call, const pv_obj* obj, const pv_snapshot_xml_desc_in& in, pv_snapshot_xml_desc_out& out) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_SNAPSHOT_XML_SECURE, "testDomainSnapshotGetXMLDesc"); !flags)
            return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        Snapshot shown;
        {
            const ObjectLock lock(guest->mu);
            const auto* const item = guest->snapshots.find(obj->name);
            if (item == nullptr) return fail(call, no_snapshot(obj->name));
            shown = item->document;
            if (!item->parent.empty()) shown.parent = SnapshotParent{item->parent};
            else shown.parent.reset();
        }
        return put(out.xml, format_snapshot(shown, {.secure = in.flags != 0}));
    }

    pv_status revert(pv_call* call, const pv_obj* obj, const pv_snapshot_revert_in& in, pv_snapshot_revert_out&) {
        constexpr std::uint32_t kKnown = PV_DOMAIN_SNAPSHOT_REVERT_RUNNING | PV_DOMAIN_SNAPSHOT_REVERT_PAUSED |
                                         PV_DOMAIN_SNAPSHOT_REVERT_FORCE | PV_DOMAIN_SNAPSHOT_REVERT_RESET_NVRAM;
        if (const Status flags = check_flags(in.flags, kKnown, "testDomainRevertToSnapshot"); !flags) return answer(call, flags);
        if ((in.flags & PV_DOMAIN_SNAPSHOT_REVERT_RUNNING) != 0 && (in.flags & PV_DOMAIN_SNAPSHOT_REVERT_PAUSED) != 0)
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "running and paused flags in function testDomainRevertToSnapshot are mutually exclusive"));
        return driver_.domains().change(call, Domains::of(obj), "revert",
                                        [&driver = driver_, name = std::string(obj->name), flags = in.flags](Guest& guest)
                                            PV_REQUIRES(guest.mu) -> Status { return revert_to(driver, guest, name, flags); });
    }

    pv_status remove(pv_call* call, const pv_obj* obj, const pv_snapshot_remove_in& in, pv_snapshot_remove_out&) {
        constexpr std::uint32_t kKnown = PV_DOMAIN_SNAPSHOT_DELETE_CHILDREN | PV_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY | PV_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY;
        if (const Status flags = check_flags(in.flags, kKnown, "testDomainSnapshotDelete"); !flags) return answer(call, flags);
        return driver_.domains().change(call, Domains::of(obj), "delete snapshot",
                                        [&driver = driver_, name = std::string(obj->name), flags = in.flags](Guest& guest)
                                            PV_REQUIRES(guest.mu) -> Status {
                                            const plugin::Services& s = driver.services();
                                            auto& snapshots = guest.snapshots;
                                            if (snapshots.find(name) == nullptr) return no_snapshot(name);
                                            if ((flags & PV_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY) != 0) snapshots.remove_tree(s, name, false);
                                            else if ((flags & PV_DOMAIN_SNAPSHOT_DELETE_CHILDREN) != 0) snapshots.remove_tree(s, name, true);
                                            else snapshots.remove(s, name);
                                            driver.domains().show(guest);
                                            return {};
                                        });
    }

  private:
    static Status create(Driver& driver, pv_call* call, Guest& guest, Snapshot snapshot, std::uint32_t flags, pv_snapshot_create_xml_out& out)
        PV_REQUIRES(guest.mu) {
        const bool redefine = (flags & PV_DOMAIN_SNAPSHOT_CREATE_REDEFINE) != 0;
        auto& snapshots = guest.snapshots;
        if (!redefine && !guest.checkpoints.empty())
            return make_error(ErrorCode::operation_unsupported, ErrorDomain::test, "cannot create snapshot while checkpoint exists");
        if (!redefine && (flags & PV_DOMAIN_SNAPSHOT_CREATE_HALT) != 0 && !guest.config) return invalid("cannot halt after transient domain snapshot");
        const std::int64_t now = std::time(nullptr);
        if (snapshot.name.empty()) snapshot.name = fmt::format("{}", now);
        if (snapshot.name.find('/') != std::string::npos)
            return make_error(ErrorCode::xml_error, ErrorDomain::test, "invalid snapshot name '{}': name can't contain '/'", snapshot.name);
        if (!redefine && snapshots.find(snapshot.name) != nullptr) return invalid(fmt::format("domain snapshot {} already exists", snapshot.name));
        Moment<Snapshot> item;
        if (redefine) PV_TRY(complete_redefined(guest, snapshot, item));
        else PV_TRY(complete_new(guest, snapshot, item, now, (flags & PV_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY) != 0));
        item.attrs = snapshot_attrs(snapshot);
        item.document = snapshot;
        PV_TRY(snapshots.put(driver.services(), call, guest.handle, guest.shared_from_this(), snapshot.name, std::move(item)));
        out.obj = snapshots.find(snapshot.name)->handle;
        if (!redefine || (flags & PV_DOMAIN_SNAPSHOT_CREATE_CURRENT) != 0) snapshots.set_current(driver.services(), snapshot.name);
        if (!redefine && (flags & PV_DOMAIN_SNAPSHOT_CREATE_HALT) != 0 && guest.active())
            driver.domains().halt(guest, PV_DOMAIN_SHUTOFF_FROM_SNAPSHOT, PV_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT);
        driver.domains().show(guest);
        return {};
    }

    static Status complete_new(Guest& guest, Snapshot& snapshot, Moment<Snapshot>& item, std::int64_t now, bool disk_only) PV_REQUIRES(guest.mu) {
        const Domain& domain = *guest.current();
        snapshot.creation_time = now;
        snapshot.state = disk_only ? "disk-snapshot" : state_name(guest.state);
        if (!snapshot.memory || snapshot.memory->snapshot.empty())
            snapshot.memory = SnapshotMemory{guest.active() && !disk_only ? "internal" : "no", {}};
        if (disk_only && snapshot.memory->snapshot != "no")
            return make_error(ErrorCode::xml_error, ErrorDomain::test, "found memory snapshot '{}', expected 'no' with a snapshot of disks only",
                              snapshot.memory->snapshot);
        PV_TRY(place(snapshot, domain, disk_only || snapshot.memory->snapshot == "external"));
        snapshot.domain = domain;
        snapshot.domain->id.reset();
        if (guest.active() && guest.config && guest.updated) snapshot.inactive_domain = *guest.config;
        item.parent = guest.snapshots.current();
        return {};
    }

    // As a client remembers it: with its time, state and parent.
    static Status complete_redefined(Guest& guest, Snapshot& snapshot, Moment<Snapshot>& item) PV_REQUIRES(guest.mu) {
        if (!snapshot.creation_time)
            return make_error(ErrorCode::xml_error, ErrorDomain::test, "missing creationTime from existing snapshot");
        if (snapshot.state.empty()) return make_error(ErrorCode::xml_error, ErrorDomain::test, "missing state from existing snapshot");
        item.parent = snapshot.parent ? snapshot.parent->name : std::string();
        PV_TRY(check_parent(guest.snapshots, snapshot.name, item.parent));
        if (!snapshot.domain) {
            const auto* const before = guest.snapshots.find(snapshot.name);
            snapshot.domain = before != nullptr ? before->document.domain : std::optional<Domain>(*guest.current());
        }
        if (snapshot.domain->uuid && *snapshot.domain->uuid != guest.uuid)
            return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "definition for snapshot {} must use uuid {}", snapshot.name, guest.uuid.to_string());
        return place(snapshot, *snapshot.domain, snapshot.state == "disk-snapshot" || is_external(snapshot));
    }

    static Status revert_to(Driver& driver, Guest& guest, const std::string& name, std::uint32_t flags) PV_REQUIRES(guest.mu) {
        Domains& domains = driver.domains();
        const auto* const item = guest.snapshots.find(name);
        if (item == nullptr) return no_snapshot(name);
        const Snapshot& snapshot = item->document;
        const auto document = std::make_shared<const Domain>(*snapshot.domain);
        const bool was_paused = snapshot.state == "paused", was_running = snapshot.state == "running";
        bool run = was_running || was_paused, paused = was_paused;
        if ((flags & PV_DOMAIN_SNAPSHOT_REVERT_RUNNING) != 0) run = true, paused = false;
        if ((flags & PV_DOMAIN_SNAPSHOT_REVERT_PAUSED) != 0) run = paused = true;
        if (!run && !guest.config)
            return invalid("transient domain needs to request run or pause to revert to inactive snapshot");
        if (guest.config) guest.config = snapshot.inactive_domain ? std::make_shared<const Domain>(*snapshot.inactive_domain) : document;
        guest.saved = nullptr;
        if (!run) {
            if (guest.active()) domains.halt(guest, PV_DOMAIN_SHUTOFF_FROM_SNAPSHOT, PV_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT);
            else domains.set_state(guest, PV_DOMAIN_SHUTOFF, PV_DOMAIN_SHUTOFF_FROM_SNAPSHOT);
        } else if (!guest.active()) {
            domains.boot(guest, document, paused ? PV_DOMAIN_PAUSED : PV_DOMAIN_RUNNING,
                         paused ? +PV_DOMAIN_PAUSED_FROM_SNAPSHOT : +PV_DOMAIN_RUNNING_FROM_SNAPSHOT, PV_DOMAIN_EVENT_STARTED_FROM_SNAPSHOT);
        } else {
            continue_from(domains, guest, *document, paused);
        }
        guest.snapshots.set_current(driver.services(), name);
        domains.show(guest);
        return {};
    }

    // The guest runs on, as what it was.
    static void continue_from(Domains& domains, Guest& guest, const Domain& document, bool paused) PV_REQUIRES(guest.mu) {
        auto live = std::make_shared<Domain>(document);
        live->id = guest.id;
        guest.live = std::move(live);
        const bool changes = (guest.state == PV_DOMAIN_PAUSED) != paused;
        domains.set_state(guest, paused ? PV_DOMAIN_PAUSED : PV_DOMAIN_RUNNING,
                          paused ? +PV_DOMAIN_PAUSED_FROM_SNAPSHOT : +PV_DOMAIN_RUNNING_FROM_SNAPSHOT);
        if (!changes) return;
        if (paused) domains.post_lifecycle(guest, PV_DOMAIN_EVENT_SUSPENDED, PV_DOMAIN_EVENT_SUSPENDED_FROM_SNAPSHOT);
        else domains.post_lifecycle(guest, PV_DOMAIN_EVENT_RESUMED, PV_DOMAIN_EVENT_RESUMED_FROM_SNAPSHOT);
    }
};

} // namespace

const void* dom_snapshot_table() {
    static const auto table = make_table<pv_dom_snapshot>([](auto& t) {
        t.create_xml = op<"snapshot.create_xml", &Snapshots::create_xml>;
        t.xml_desc = op<"snapshot.xml_desc", &Snapshots::xml_desc>;
        t.revert = op<"snapshot.revert", &Snapshots::revert>;
        t.remove = op<"snapshot.remove", &Snapshots::remove>;
    });
    return &table;
}

} // namespace polyvirt::test
