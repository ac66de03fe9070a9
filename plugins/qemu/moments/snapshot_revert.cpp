// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Back to what a snapshot has. A guest that runs is ended and begun anew from it: a new emulator is the machine that the
// snapshot's description says, whatever was plugged in since.

#include <utility>

#include "base/error_text.h"
#include "driver.h"
#include "moments/images.h"
#include "moments/nodes.h"
#include "moments/snapshot_ops.h"
#include "moments/snapshot_plan.h"
#include "run.h"
#include "save/jobs.h"
#include "sdk/domain/moment_rules.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

constexpr Ending kReplaced{.reason = PV_DOMAIN_SHUTOFF_FROM_SNAPSHOT, .detail = PV_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT, .name = "from snapshot"};

// Reads the guest's memory from its disks, before it runs.
sdk::Task<Status> load_memory(std::shared_ptr<Run> run, std::string tag, std::vector<std::string> aliases) {
    PV_CO_ASSIGN_OR_RETURN(const std::vector<std::string> nodes, co_await nodes_of(run, std::move(aliases)));
    if (nodes.empty()) co_return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "the snapshot '{}' has no disk with memory", tag);
    Json arguments = {{"tag", tag}, {"vmstate", nodes.front()}, {"devices", nodes}};
    co_return co_await run_emulator_job(run, "snapshot-load", std::move(arguments));
}

struct Target {
    bool runs = false, paused = false; // afterwards
    bool memory = false;               // there is some to load
};
Target target_of(const Snapshot& snapshot, std::uint32_t flags) {
    Target target;
    target.memory = snapshot.state == "running" || snapshot.state == "paused";
    target.runs = target.memory;
    target.paused = snapshot.state == "paused";
    if ((flags & PV_DOMAIN_SNAPSHOT_REVERT_RUNNING) != 0) target.runs = true, target.paused = false;
    if ((flags & PV_DOMAIN_SNAPSHOT_REVERT_PAUSED) != 0) target.runs = target.paused = true;
    return target;
}

Status check_revert(const Snapshot& snapshot, const Target& target, std::uint32_t flags, bool active, bool persistent) {
    if (!persistent && !target.runs)
        return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu,
                          "transient domain needs to request run or pause to revert to inactive snapshot");
    if (is_external(snapshot)) return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "revert to external snapshot not supported yet");
    const bool forced = (flags & PV_DOMAIN_SNAPSHOT_REVERT_FORCE) != 0;
    const auto risky = [](std::string text) {
        return Error{.code = ErrorCode::snapshot_revert_risky, .domain = ErrorDomain::qemu, .message = "revert requires force: " + text};
    };
    if (!snapshot.domain && !forced) return risky(fmt::format("snapshot '{}' lacks domain rollback info", snapshot.name));
    if (active && target.runs && !target.memory && !forced) return risky("must respawn guest to start inactive snapshot");
    return {};
}

// A transient guest outlives the emulator that is replaced.
void hold(Guest& guest, bool held) {
    const ObjectLock lock(guest.mu);
    guest.held = held;
}

} // namespace

pv_status SnapshotOps::revert(pv_call* call, const pv_obj* obj, const pv_snapshot_revert_in& in, pv_snapshot_revert_out&) {
    constexpr std::uint32_t kKnown = PV_DOMAIN_SNAPSHOT_REVERT_RUNNING | PV_DOMAIN_SNAPSHOT_REVERT_PAUSED | PV_DOMAIN_SNAPSHOT_REVERT_FORCE |
                                     PV_DOMAIN_SNAPSHOT_REVERT_RESET_NVRAM;
    if (const Status flags = check_flags(in.flags, kKnown, "qemuSnapshotRevert"); !flags) return answer(call, flags);
    if ((in.flags & PV_DOMAIN_SNAPSHOT_REVERT_RUNNING) != 0 && (in.flags & PV_DOMAIN_SNAPSHOT_REVERT_PAUSED) != 0)
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu,
                                       "running and paused flags in function qemuSnapshotRevert are mutually exclusive"));
    return with_job(call, guest_of(obj), PV_JOB_ASYNC, "revert to snapshot",
                    [this, name = std::string(obj->name), flags = in.flags](const sdk::OperationPtr& op, const GuestPtr& guest) {
                        return revert_to(op, guest, name, flags);
                    });
}

SnapshotOps::Task SnapshotOps::revert_to(sdk::OperationPtr op, GuestPtr guest, std::string name, std::uint32_t flags) {
    PV_CO_ASSIGN_OR_RETURN(Snapshot snapshot, driver_.moments().snapshot(guest->uuid, name));
    const Target target = target_of(snapshot, flags);
    bool persistent = false;
    RunPtr run;
    {
        const ObjectLock lock(guest->mu);
        persistent = guest->config != nullptr;
        run = guest->run;
    }
    PV_CO_TRY(check_revert(snapshot, target, flags, run != nullptr, persistent));
    if (!snapshot.domain) co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "snapshot '{}' has no description to go back to", name);
    const JobTicketPtr ticket = std::make_shared<JobTicket>(driver_, guest, PV_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT);
    if (run) {
        hold(*guest, true);
        const Status off = co_await run->ended(kReplaced);
        hold(*guest, false);
        run = nullptr;
        PV_CO_TRY(off);
        PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    }
    if (persistent) PV_CO_TRY(driver_.put_config(guest, snapshot.inactive_domain ? *snapshot.inactive_domain : *snapshot.domain, op->call()));
    const auto disks = internal_disks(snapshot, *snapshot.domain);
    if (!target.memory) {
        PV_CO_ASSIGN_OR_RETURN(const std::vector<std::string> files, internal_files(snapshot, *snapshot.domain));
        PV_CO_TRY(change_image_snapshots(s_, ImageSnapshot::apply, snapshot.name, files));
        const ObjectLock lock(guest->mu);
        if (!guest->removed) driver_.set_state(*guest, PV_DOMAIN_SHUTOFF, PV_DOMAIN_SHUTOFF_FROM_SNAPSHOT);
    }
    if (target.runs) {
        StartOptions options;
        options.paused = target.paused;
        options.fresh_nvram = (flags & PV_DOMAIN_SNAPSHOT_REVERT_RESET_NVRAM) != 0;
        options.force_boot = true;
        options.beginning = std::make_shared<Beginning>();
        options.beginning->running = PV_DOMAIN_RUNNING_FROM_SNAPSHOT;
        options.beginning->paused = PV_DOMAIN_PAUSED_FROM_SNAPSHOT;
        options.beginning->started = PV_DOMAIN_EVENT_STARTED_FROM_SNAPSHOT;
        options.beginning->suspended = PV_DOMAIN_EVENT_SUSPENDED_FROM_SNAPSHOT;
        Domain description = *snapshot.domain;
        if (target.memory) {
            // The aliases that the start will give them.
            Domain named = description;
            assign_aliases(named);
            options.beginning->prepare = [tag = name, aliases = aliases_of(internal_disks(snapshot, named))](std::shared_ptr<Run> begun) {
                return load_memory(std::move(begun), tag, aliases);
            };
        }
        PV_CO_TRY(co_await driver_.started(op, guest, std::move(description), std::move(options)));
        PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    }
    PV_CO_TRY(driver_.moments().put_current(PV_KIND_SNAPSHOT, guest->uuid, name, op->call()));
    {
        const ObjectLock lock(guest->mu);
        guest->snapshots.set_current(s_, name);
    }
    ticket->end({}, false);
    co_return Status{};
}

} // namespace polyvirt::qemu
