// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <utility>

#include "base/error_text.h"
#include "driver.h"
#include "moments/images.h"
#include "moments/nodes.h"
#include "moments/snapshot_ops.h"
#include "moments/snapshot_plan.h"
#include "moments/unfinished.h"
#include "run.h"
#include "sdk/domain/moment_rules.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

pv_status SnapshotOps::remove(pv_call* call, const pv_obj* obj, const pv_snapshot_remove_in& in, pv_snapshot_remove_out&) {
    constexpr std::uint32_t kKnown = PV_DOMAIN_SNAPSHOT_DELETE_CHILDREN | PV_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY | PV_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY;
    if (const Status flags = check_flags(in.flags, kKnown, "qemuDomainSnapshotDelete"); !flags) return answer(call, flags);
    return with_job(call, guest_of(obj), PV_JOB_ASYNC, "delete snapshot",
                    [this, name = std::string(obj->name), flags = in.flags](const sdk::OperationPtr& op, const GuestPtr& guest) {
                        return remove_some(op, guest, name, flags);
                    });
}

SnapshotOps::Task SnapshotOps::remove_some(sdk::OperationPtr op, GuestPtr guest, std::string name, std::uint32_t flags) {
    (void)op;
    const bool data = (flags & PV_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY) == 0;
    std::vector<std::string> going;
    {
        const ObjectLock lock(guest->mu);
        if (guest->snapshots.find(name) == nullptr) co_return no_snapshot(name);
        const bool below = (flags & (PV_DOMAIN_SNAPSHOT_DELETE_CHILDREN | PV_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY)) != 0;
        if (below) going = guest->snapshots.descendants(name);
        std::reverse(going.begin(), going.end()); // children before their parents
        if ((flags & PV_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY) == 0) going.push_back(name);
        for (const std::string& one : going) {
            if (data && is_external(guest->snapshots.find(one)->document))
                co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu,
                                     "deletion of external disk snapshots is not supported: '{}' is one; its metadata alone can be deleted", one);
        }
    }
    for (const std::string& one : going) PV_CO_TRY(co_await remove_one(guest, one, data));
    co_return Status{};
}

SnapshotOps::Task SnapshotOps::remove_one(GuestPtr guest, std::string name, bool data) {
    PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    if (data) {
        PV_CO_ASSIGN_OR_RETURN(Snapshot snapshot, driver_.moments().snapshot(guest->uuid, name));
        PV_CO_TRY(put_unfinished(s_, guest->uuid, {.name = name, .removing = true}, nullptr));
        const Status removed = co_await remove_data(guest, std::move(snapshot));
        PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
        if (!removed) {
            drop_unfinished(s_, *guest);
            co_return removed;
        }
    }
    PV_CO_TRY(forget_snapshot(driver_, guest, name));
    if (data) drop_unfinished(s_, *guest);
    co_return Status{};
}

SnapshotOps::Task SnapshotOps::remove_data(GuestPtr guest, Snapshot snapshot) {
    std::shared_ptr<const Domain> live;
    PackedDomainPtr config;
    RunPtr run;
    {
        const ObjectLock lock(guest->mu);
        live = guest->live;
        config = guest->config;
        run = guest->run;
    }
    if (run) {
        const auto disks = internal_disks(snapshot, *live);
        if (disks.empty()) co_return Status{};
        PV_CO_ASSIGN_OR_RETURN(const std::vector<std::string> nodes, co_await nodes_of(run, aliases_of(disks)));
        Json arguments = {{"tag", snapshot.name}, {"devices", nodes}};
        co_return co_await run_emulator_job(run, "snapshot-delete", std::move(arguments));
    }
    if (!config) co_return no_domain(*guest);
    PV_CO_ASSIGN_OR_RETURN(const Domain domain, config->unpack());
    PV_CO_ASSIGN_OR_RETURN(const std::vector<std::string> files, internal_files(snapshot, domain));
    co_return change_image_snapshots(s_, ImageSnapshot::remove, snapshot.name, files);
}

} // namespace polyvirt::qemu
