// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Backups: begun, watched, ended.

#include <algorithm>
#include <ctime>
#include <utility>

#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "moments/backup.h"
#include "moments/checkpoint_ops.h"
#include "moments/images.h"
#include "moments/nodes.h"
#include "moments/overlay.h"
#include "moments/server.h"
#include "run.h"
#include "save/jobs.h"
#include "sdk/domain/moment_rules.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

constexpr std::int64_t kLook = 250'000'000; // between two looks at the emulator's jobs

Error not_running() { return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "cannot perform disk backup for inactive domain"); }

// Which bitmap of which checkpoint says what changed.
Result<std::string> bitmap_of(Guest& guest, const BackupDisk& disk) PV_REQUIRES(guest.mu) {
    if (disk.backup_mode != "incremental") return std::string();
    const auto* const item = guest.checkpoints.find(disk.incremental);
    if (item == nullptr) return no_checkpoint(disk.incremental);
    for (const CheckpointDisk& one : item->document.disks)
        if (one.name == disk.name && one.checkpoint == "bitmap") return one.bitmap;
    return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "disk '{}' not found in checkpoint '{}'", disk.name, disk.incremental);
}

std::string changed_name(const std::string& disk) { return "backup-" + disk; }

BackupPart part_of(const Disk& disk, const BackupDisk& line, const DiskSource& to, std::uint32_t number) {
    BackupPart part;
    part.disk = disk;
    part.link.type = line.type == "block" ? DiskType::block : DiskType::file;
    part.link.source = to;
    part.link.source.index = number;
    part.link.format = line.driver.type;
    part.job = fmt::format("backup-{}-libvirt-{}-format", line.name, number);
    part.export_name = line.export_name.empty() ? line.name : line.export_name;
    return part;
}

Result<BackupPlan> plan_backup(Guest& guest, Backup document, const std::string& suffix) {
    BackupPlan plan;
    const ObjectLock lock(guest.mu);
    if (!guest.live) return not_running();
    PV_TRY(place_disks(document, *guest.live, suffix));
    for (BackupDisk& line : document.disks) {
        if (line.backup != "yes") continue;
        PV_ASSIGN_OR_RETURN(std::string since, bitmap_of(guest, line));
        line.index = guest.blocks.take_number();
        BackupPart part = part_of(*disk_named(*guest.live, line.name), line, document.mode == "pull" ? *line.scratch : *line.target, *line.index);
        if (!since.empty()) part.changed = changed_name(line.name);
        part.since = std::move(since);
        if (document.mode == "pull" && !part.since.empty() && line.export_bitmap.empty()) line.export_bitmap = part.changed;
        plan.parts.push_back(std::move(part));
    }
    plan.document = std::move(document);
    return plan;
}

Status make_targets(const plugin::Services& s, BackupPlan& plan) {
    for (BackupPart& part : plan.parts) {
        const std::string path = part.link.path();
        if (part.link.type == DiskType::block) continue;
        if (::access(path.c_str(), F_OK) == 0)
            return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "backup target file '{}' of disk '{}' already exists", path,
                              part.disk.target.dev);
        part.made = true;
        PV_TRY(run_qemu_img(s, {"create", "-f", part.link.format, path, fmt::format("{}", part.size)}));
    }
    return {};
}

void remove_socket(const BackupPlan& plan) {
    const auto place = plan.pull() ? server_place(plan.document) : Result<ServerPlace>(ServerPlace{});
    if (place && !place->socket.empty()) ::unlink(place->socket.c_str());
}

void remove_targets(const BackupPlan& plan) {
    for (const BackupPart& part : plan.parts)
        if (part.made) ::unlink(part.link.path().c_str());
}

std::vector<Need> needs_of(const BackupPlan& plan) {
    std::vector<Need> needs;
    for (const BackupPart& part : plan.parts) needs.push_back({.path = part.link.path(), .write = true});
    return needs;
}

// The plan of one that an earlier daemon began.
BackupPlan plan_again(Guest& guest, const BackupUnderWay& backup) {
    BackupPlan plan;
    plan.document = backup.document;
    const bool pull = plan.pull();
    const ObjectLock lock(guest.mu);
    for (const BackupDisk& line : plan.document.disks) {
        const Disk* const disk = guest.live ? disk_named(*guest.live, line.name) : nullptr;
        const std::optional<DiskSource>& to = pull ? line.scratch : line.target;
        if (line.backup != "yes" || disk == nullptr || !to) continue;
        BackupPart part = part_of(*disk, line, *to, line.index.value_or(0));
        if (line.backup_mode == "incremental") part.since = line.incremental, part.changed = changed_name(line.name);
        part.made = std::find(backup.files.begin(), backup.files.end(), part.link.path()) != backup.files.end();
        plan.parts.push_back(std::move(part));
    }
    return plan;
}

std::shared_ptr<const BackupUnderWay> under_way(const BackupPlan& plan) {
    auto made = std::make_shared<BackupUnderWay>();
    made->document = plan.document;
    for (const BackupPart& part : plan.parts)
        if (part.made) made->files.push_back(part.link.path());
    return made;
}

sdk::Task<Status> open_targets(RunPtr run, std::shared_ptr<BackupPlan> plan) {
    for (const BackupPart& part : plan->parts) {
        // Not within the expression that waits: gcc 12 ends what a condition makes there twice.
        std::string below;
        if (plan->pull()) below = part.node;
        PV_CO_TRY(co_await open_nodes_of(run, part.disk, part.link, std::move(below)));
    }
    co_return Status{};
}

sdk::Task<Status> serve(RunPtr run, std::shared_ptr<BackupPlan> plan, std::shared_ptr<UniqueFd> listener) {
    Json named = {{"fdname", "polyvirt-nbd"}};
    std::vector<UniqueFd> fds;
    fds.push_back(std::move(*listener));
    PV_CO_TRY(co_await run->qmp("getfd", std::move(named), std::move(fds)));
    Json server = Json::parse(R"({"addr": {"type": "fd", "data": {"str": "polyvirt-nbd"}}})");
    PV_CO_TRY(co_await run->qmp("nbd-server-start", std::move(server)));
    for (const BackupPart& part : plan->parts) {
        Json arguments = {{"type", "nbd"}, {"id", part.job}, {"node-name", format_node(part.link.number())}, {"name", part.export_name}, {"writable", false}};
        if (!part.since.empty()) {
            Json bitmap = {{"node", part.node}, {"name", part.changed}};
            arguments["bitmaps"] = Json::array({std::move(bitmap)});
        }
        PV_CO_TRY(co_await run->qmp("block-export-add", std::move(arguments)));
    }
    co_return Status{};
}

// What is left of it in the emulator; the guest may be gone, and parts of this never begun.
sdk::Task<Status> clear_up(RunPtr run, std::shared_ptr<BackupPlan> plan) {
    if (plan->pull()) (void)co_await run->qmp("nbd-server-stop");
    for (const BackupPart& part : plan->parts) {
        Json job = {{"id", part.job}};
        (void)co_await run->qmp("job-dismiss", std::move(job));
        (void)co_await close_nodes_of(run, part.link.number());
        if (part.since.empty()) continue;
        Json bitmap = {{"node", part.node}, {"name", part.changed}};
        (void)co_await run->qmp("block-dirty-bitmap-remove", std::move(bitmap));
    }
    co_return Status{};
}

// Until all of the emulator's jobs are over.
sdk::Task<Status> watch(RunPtr run, std::shared_ptr<BackupPlan> plan, JobTicketPtr ticket) {
    bool cancelled = false;
    for (;;) {
        PV_CO_ASSIGN_OR_RETURN(const Json jobs, co_await run->qmp("query-jobs"));
        const BackupProgress progress = backup_progress(jobs, plan->parts);
        JobFigures figures;
        figures.disk_total = progress.total;
        figures.disk_processed = progress.done;
        figures.disk_remaining = progress.total - std::min(progress.total, progress.done);
        ticket->update(figures);
        if (progress.over) {
            if (ticket->aborted()) co_return job_cancelled("backup");
            if (progress.error.empty()) co_return Status{};
            co_return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "backup failed: {}", progress.error);
        }
        // One that fails takes the others with it.
        if (!cancelled && (ticket->aborted() || !progress.error.empty())) {
            cancelled = true;
            for (const BackupPart& part : plan->parts) {
                Json job = {{"id", part.job}};
                (void)co_await run->qmp("job-cancel", std::move(job));
            }
            continue;
        }
        PV_CO_TRY(co_await run->delay(kLook));
        PV_CO_TRY(run->check_running());
    }
}

} // namespace

pv_status CheckpointOps::backup_begin(pv_call* call, const pv_obj* obj, const pv_checkpoint_backup_begin_in& in, pv_checkpoint_backup_begin_out&) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL, "qemuBackupBegin"); !flags) return answer(call, flags);
    if (!run_of(*guest_of(obj))) return answer(call, not_running());
    const std::string checkpoint = in.checkpoint_xml != nullptr ? in.checkpoint_xml : "";
    return with_job(call, obj, PV_JOB_ASYNC | PV_JOB_ALLOW_MODIFY, "backup",
                    [this, xml = std::string(in.backup_xml), checkpoint, flags = in.flags](const sdk::OperationPtr& op, const GuestPtr& guest) {
                        return back_up(op, guest, xml, checkpoint, flags);
                    });
}

CheckpointOps::Task CheckpointOps::back_up(sdk::OperationPtr op, GuestPtr guest, std::string xml, std::string checkpoint_xml, std::uint32_t flags) {
    PV_CO_ASSIGN_OR_RETURN(Backup document, parse_backup(xml));
    std::optional<Checkpoint> checkpoint;
    std::string parent;
    if (!checkpoint_xml.empty()) {
        PV_CO_ASSIGN_OR_RETURN(Checkpoint parsed, parse_checkpoint(checkpoint_xml, true));
        PV_CO_ASSIGN_OR_RETURN(checkpoint, prepare(guest, std::move(parsed), parent));
    }
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    PV_CO_ASSIGN_OR_RETURN(BackupPlan planned, plan_backup(*guest, std::move(document), checkpoint ? checkpoint->name : fmt::format("{}", std::time(nullptr))));
    const auto plan = std::make_shared<BackupPlan>(std::move(planned));
    // Ended by the look at it: an abort is seen within one.
    const JobTicketPtr ticket = std::make_shared<JobTicket>(driver_, guest, PV_DOMAIN_JOB_OPERATION_BACKUP, [] {});
    bool served = false;
    Status begun = co_await begin_backup(guest, run, plan, checkpoint ? &*checkpoint : nullptr, flags, &served);
    if (begun && checkpoint) {
        PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
        begun = keep(op, guest, *checkpoint, parent, true, nullptr);
    }
    if (!begun) {
        (void)co_await clear_up(run, plan);
        PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
        remove_targets(*plan);
        if (served) remove_socket(*plan);
        {
            const ObjectLock lock(guest->mu);
            guest->backup = nullptr;
        }
        ticket->end(begun, false);
        if (const Status saved = driver_.save_status_now(guest, nullptr); !saved) log::error("backup", "{}", saved.error().message);
        co_return begun;
    }
    op->answer({});
    co_return co_await see_through(op, guest, run, plan, ticket);
}

void CheckpointOps::adopted(const GuestPtr& guest) {
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(guest->mu);
        if (!guest->backup) return;
        handle = guest->handle;
    }
    sdk::Operation::start(s_, driver_.shared_loop(), {.object = handle, .job_class = PV_JOB_ASYNC | PV_JOB_ALLOW_MODIFY, .what = "backup"},
                          [this, guest](const sdk::OperationPtr& op) {
                              sdk::start(take_up(op, guest), [op](const Status& outcome) { op->finish(outcome); });
                          });
}

CheckpointOps::Task CheckpointOps::take_up(sdk::OperationPtr op, GuestPtr guest) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    std::shared_ptr<const BackupUnderWay> backup;
    {
        const ObjectLock lock(guest->mu);
        backup = guest->backup;
    }
    if (!backup) co_return Status{};
    const auto plan = std::make_shared<BackupPlan>(plan_again(*guest, *backup));
    const JobTicketPtr ticket = std::make_shared<JobTicket>(driver_, guest, PV_DOMAIN_JOB_OPERATION_BACKUP, [] {});
    PV_CO_ASSIGN_OR_RETURN(const Nodes nodes, co_await disk_nodes(run));
    for (BackupPart& part : plan->parts)
        if (const auto node = nodes.find(part.disk.target.dev); node != nodes.end()) part.node = node->second;
    co_return co_await see_through(op, guest, run, plan, ticket);
}

CheckpointOps::Task CheckpointOps::see_through(sdk::OperationPtr op, GuestPtr guest, RunPtr run, std::shared_ptr<BackupPlan> plan, JobTicketPtr ticket) {
    (void)op; // its job is held meanwhile
    Status done = co_await watch(run, plan, ticket);
    (void)co_await clear_up(run, plan);
    PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    run->close_up(needs_of(*plan));
    if (plan->pull()) remove_targets(*plan); // scratch is nobody's afterwards
    remove_socket(*plan);
    {
        const ObjectLock lock(guest->mu);
        guest->backup = nullptr;
    }
    if (const Status saved = driver_.save_status_now(guest, nullptr); !saved) log::error("backup", "{}", saved.error().message);
    ticket->end(done);
    if (!done) log::info("backup", "domain '{}': {}", guest->name, done.error().message);
    co_return Status{}; // the call has been answered; clients hear the rest by the event
}

CheckpointOps::Task CheckpointOps::begin_backup(GuestPtr guest, RunPtr run, std::shared_ptr<BackupPlan> plan, const Checkpoint* checkpoint,
                                                std::uint32_t flags, bool* served) {
    const auto listener = std::make_shared<UniqueFd>();
    if (plan->pull()) {
        PV_CO_ASSIGN_OR_RETURN(const ServerPlace place, server_place(plan->document));
        PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
        PV_CO_ASSIGN_OR_RETURN(*listener, listen_at(place));
        *served = true;
    }
    PV_CO_ASSIGN_OR_RETURN(const Nodes nodes, co_await disk_nodes(run));
    Json flat = {{"flat", true}};
    PV_CO_ASSIGN_OR_RETURN(const Json named, co_await run->qmp("query-named-block-nodes", std::move(flat)));
    for (BackupPart& part : plan->parts) {
        const auto node = nodes.find(part.disk.target.dev);
        if (node == nodes.end()) co_return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "disk '{}' has no media", part.disk.target.dev);
        part.node = node->second;
        part.size = node_size(named, part.node).value_or(0);
        if (!part.since.empty() && !bitmap_bytes(named, part.node, part.since))
            co_return make_error(ErrorCode::checkpoint_inconsistent, ErrorDomain::qemu, "missing or broken bitmap '{}' for disk '{}'", part.since,
                                 part.disk.target.dev);
    }
    PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    if ((flags & PV_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL) == 0) PV_CO_TRY(make_targets(s_, *plan));
    PV_CO_TRY(run->open_up(needs_of(*plan), nullptr));
    {
        const ObjectLock lock(guest->mu);
        guest->backup = under_way(*plan);
    }
    // Written down before it begins: a daemon that dies in between finds nothing of it, and clears up.
    PV_CO_TRY(driver_.save_status_now(guest, nullptr));
    PV_CO_TRY(co_await open_targets(run, plan));
    Json arguments = Json::object();
    arguments["actions"] = backup_steps(*plan, checkpoint, nodes);
    PV_CO_TRY(co_await run->qmp("transaction", std::move(arguments)));
    if (!plan->pull()) co_return Status{};
    Status serving = co_await serve(run, plan, listener);
    if (serving) co_return serving;
    // The jobs run already.
    for (const BackupPart& part : plan->parts) {
        Json job = {{"id", part.job}, {"force", true}};
        (void)co_await run->qmp("block-job-cancel", std::move(job));
    }
    co_return serving;
}

pv_status CheckpointOps::backup_xml_desc(pv_call* call, const pv_obj* obj, const pv_checkpoint_backup_xml_desc_in& in,
                                         pv_checkpoint_backup_xml_desc_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuBackupGetXMLDesc"); !flags) return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    std::shared_ptr<const BackupUnderWay> backup;
    {
        const ObjectLock lock(guest->mu);
        backup = guest->backup;
    }
    if (!backup) return answer(call, make_error(ErrorCode::no_domain_backup, ErrorDomain::qemu, "no domain backup job present"));
    return give(call, out.xml, format_backup(backup->document));
}

} // namespace polyvirt::qemu
