// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.checkpoint: points in time from which disks know what has changed, and backups.

#include <ctime>
#include <utility>

#include "domains.h"
#include "jobs.h"
#include "op.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

using namespace sdk::domain;

constexpr std::int64_t kBackupNs = 200'000'000;

Error no_checkpoint(std::string_view name) {
    return make_error(ErrorCode::no_domain_checkpoint, ErrorDomain::test, "no domain checkpoint with matching name '{}'", name);
}

class Checkpoints : public Ops {
  public:
    using Ops::Ops;

    pv_status create_xml(pv_call* call, const pv_obj* obj, const pv_checkpoint_create_xml_in& in, pv_checkpoint_create_xml_out& out) {
        constexpr std::uint32_t kKnown = PV_DOMAIN_CHECKPOINT_CREATE_REDEFINE | PV_DOMAIN_CHECKPOINT_CREATE_QUIESCE | PV_DOMAIN_CHECKPOINT_CREATE_REDEFINE_VALIDATE;
        if (const Status flags = check_flags(in.flags, kKnown, "testDomainCheckpointCreateXML"); !flags) return answer(call, flags);
        auto checkpoint = parse_checkpoint(in.xml);
        if (!checkpoint) return fail(call, checkpoint.error());
        return driver_.domains().change(call, obj, "checkpoint",
                                        [&driver = driver_, call, flags = in.flags, checkpoint = *std::move(checkpoint), result = &out](Guest& guest)
                                            PV_REQUIRES(guest.mu) -> Status {
                                            const bool redefine = (flags & PV_DOMAIN_CHECKPOINT_CREATE_REDEFINE) != 0;
                                            const auto name = create(driver, call, guest, checkpoint, redefine);
                                            if (!name) return name.error();
                                            result->obj = guest.checkpoints.find(*name)->handle;
                                            return {};
                                        });
    }

    pv_status xml_desc(pv_call* call, const pv_obj* obj, const pv_checkpoint_xml_desc_in& in, pv_checkpoint_xml_desc_out& out) {
        constexpr std::uint32_t kKnown = PV_DOMAIN_CHECKPOINT_XML_SECURE | PV_DOMAIN_CHECKPOINT_XML_NO_DOMAIN | PV_DOMAIN_CHECKPOINT_XML_SIZE;
        if (const Status flags = check_flags(in.flags, kKnown, "testDomainCheckpointGetXMLDesc"); !flags) return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        Checkpoint shown;
        {
            const ObjectLock lock(guest->mu);
            const auto* const item = guest->checkpoints.find(obj->name);
            if (item == nullptr) return fail(call, no_checkpoint(obj->name));
            shown = item->document;
            if (!item->parent.empty()) shown.parent = SnapshotParent{item->parent};
            else shown.parent.reset();
        }
        for (CheckpointDisk& disk : shown.disks)
            if (disk.checkpoint == "bitmap") disk.size = 65'536; // nobody writes to these disks
        return put(out.xml, format_checkpoint(shown, {.secure = (in.flags & PV_DOMAIN_CHECKPOINT_XML_SECURE) != 0,
                                                             .no_domain = (in.flags & PV_DOMAIN_CHECKPOINT_XML_NO_DOMAIN) != 0,
                                                             .size = (in.flags & PV_DOMAIN_CHECKPOINT_XML_SIZE) != 0}));
    }

    pv_status remove(pv_call* call, const pv_obj* obj, const pv_checkpoint_remove_in& in, pv_checkpoint_remove_out&) {
        constexpr std::uint32_t kKnown = PV_DOMAIN_CHECKPOINT_DELETE_CHILDREN | PV_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY | PV_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY;
        if (const Status flags = check_flags(in.flags, kKnown, "testDomainCheckpointDelete"); !flags) return answer(call, flags);
        return driver_.domains().change(call, Domains::of(obj), "delete checkpoint",
                                        [&driver = driver_, name = std::string(obj->name), flags = in.flags](Guest& guest)
                                            PV_REQUIRES(guest.mu) -> Status {
                                            const plugin::Services& s = driver.services();
                                            auto& checkpoints = guest.checkpoints;
                                            if (checkpoints.find(name) == nullptr) return no_checkpoint(name);
                                            if ((flags & PV_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY) != 0) checkpoints.remove_tree(s, name, false);
                                            else if ((flags & PV_DOMAIN_CHECKPOINT_DELETE_CHILDREN) != 0) checkpoints.remove_tree(s, name, true);
                                            else checkpoints.remove(s, name);
                                            driver.domains().show(guest);
                                            return {};
                                        });
    }

    // Returns when the backup has begun; it lasts a while, as a job, and ends with an event.
    pv_status backup_begin(pv_call* call, const pv_obj* obj, const pv_checkpoint_backup_begin_in& in, pv_checkpoint_backup_begin_out&) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL, "testDomainBackupBegin"); !flags)
            return answer(call, flags);
        auto backup = parse_backup(in.backup_xml);
        if (!backup) return fail(call, backup.error());
        Checkpoint checkpoint;
        const bool with_checkpoint = in.checkpoint_xml != nullptr && *in.checkpoint_xml != '\0';
        if (with_checkpoint) {
            auto parsed = parse_checkpoint(in.checkpoint_xml);
            if (!parsed) return fail(call, parsed.error());
            checkpoint = *std::move(parsed);
        }
        const GuestPtr guest = Domains::of(obj);
        {
            const ObjectLock lock(guest->mu);
            if (!guest->active()) return fail(call, not_running());
            if (const Status placed = place_backup(*backup, *guest->live, guest->checkpoints); !placed) return fail(call, placed.error());
        }
        const bool pull = backup->mode == "pull";
        // A backup that is pulled lasts until it is aborted.
        const std::int64_t length = pull ? INT64_MAX / 4 : kBackupNs;
        if (const Status begun = begin_job(driver_, guest, PV_DOMAIN_JOB_OPERATION_BACKUP, length, [](const Status&) {}); !begun)
            return fail(call, begun.error());
        const ObjectLock lock(guest->mu);
        guest->job.backup = *std::move(backup);
        if (!with_checkpoint) return PV_OK;
        const auto name = create(driver_, call, *guest, checkpoint, false);
        return name ? PV_OK : fail(call, name.error());
    }

    pv_status backup_xml_desc(pv_call* call, const pv_obj* obj, const pv_checkpoint_backup_xml_desc_in& in, pv_checkpoint_backup_xml_desc_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainBackupGetXMLDesc"); !flags) return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        const ObjectLock lock(guest->mu);
        if (!guest->job.backup)
            return fail(call, make_error(ErrorCode::no_domain_backup, ErrorDomain::test, "no domain backup job present"));
        return put(out.xml, format_backup(*guest->job.backup));
    }

  private:
    static Result<std::string> create(Driver& driver, pv_call* call, Guest& guest, Checkpoint checkpoint, bool redefine) PV_REQUIRES(guest.mu) {
        if (!redefine && !guest.snapshots.empty())
            return make_error(ErrorCode::operation_unsupported, ErrorDomain::test, "cannot create checkpoint while snapshot exists");
        if (!redefine && !guest.active()) return invalid("cannot create checkpoint for inactive domain");
        const std::int64_t now = std::time(nullptr);
        if (checkpoint.name.empty()) checkpoint.name = fmt::format("{}", now);
        auto& checkpoints = guest.checkpoints;
        if (!redefine && checkpoints.find(checkpoint.name) != nullptr)
            return invalid(fmt::format("domain checkpoint {} already exists", checkpoint.name));
        Moment<Checkpoint> item;
        if (redefine) {
            if (!checkpoint.creation_time) return make_error(ErrorCode::xml_error, ErrorDomain::test, "missing creationTime from existing checkpoint");
            item.parent = checkpoint.parent ? checkpoint.parent->name : std::string();
            PV_TRY(check_parent(checkpoints, checkpoint.name, item.parent));
        } else {
            checkpoint.creation_time = now;
            item.parent = checkpoints.current();
        }
        if (!checkpoint.domain) {
            checkpoint.domain = *guest.current();
            checkpoint.domain->id.reset();
        }
        PV_TRY(place_disks(checkpoint, *checkpoint.domain));
        const std::string name = checkpoint.name;
        item.document = std::move(checkpoint);
        PV_TRY(checkpoints.put(driver.services(), call, guest.handle, guest.shared_from_this(), name, std::move(item)));
        checkpoints.set_current(driver.services(), name);
        driver.domains().show(guest);
        return name;
    }

    static Status place_backup(Backup& backup, const Domain& domain, Moments<Checkpoint>& checkpoints) {
        if (!backup.incremental.empty() && checkpoints.find(backup.incremental) == nullptr) return no_checkpoint(backup.incremental);
        return place_disks(backup, domain, fmt::format("{}", std::time(nullptr)));
    }
};

} // namespace

const void* dom_checkpoint_table() {
    static const auto table = make_table<pv_dom_checkpoint>([](auto& t) {
        t.create_xml = op<"checkpoint.create_xml", &Checkpoints::create_xml>;
        t.xml_desc = op<"checkpoint.xml_desc", &Checkpoints::xml_desc>;
        t.remove = op<"checkpoint.remove", &Checkpoints::remove>;
        t.backup_begin = op<"checkpoint.backup_begin", &Checkpoints::backup_begin>;
        t.backup_xml_desc = op<"checkpoint.backup_xml_desc", &Checkpoints::backup_xml_desc>;
    });
    return &table;
}

} // namespace polyvirt::test
