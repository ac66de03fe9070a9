// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "moments/unfinished.h"

#include <optional>
#include <utility>

#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "block/chain.h"
#include "moments/images.h"
#include "moments/nodes.h"
#include "moments/overlay.h"
#include "monitor/json.h"
#include "run.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

constexpr std::size_t kMaxUnfinished = 65'536;
constexpr std::int64_t kLookAgain = 50'000'000;
constexpr std::string_view kOurs = "polyvirt-"; // jobs of the emulator's, by run_emulator_job()

std::string record_of(const Uuid& guest) { return fmt::format("snapshots/{}{}", guest.to_string(), kUnfinished); }
sdk::Records records_of(const plugin::Services& s) { return {s, PV_STATE_DATA, ErrorDomain::qemu}; }

std::optional<Unfinished> read_unfinished(const plugin::Services& s, const Uuid& guest) {
    const auto text = records_of(s).get(record_of(guest), kMaxUnfinished);
    if (!text || !*text) return std::nullopt;
    const Json j = Json::parse(**text, nullptr, false);
    Unfinished what{.name = text_of(j, "name"), .removing = is_true(j, "removing")};
    if (!j.is_object() || what.name.empty()) return std::nullopt;
    if (const auto files = j.find("files"); files != j.end() && files->is_array())
        for (const Json& file : *files)
            if (file.is_string()) what.files.push_back(file.get<std::string>());
    return what;
}

// Nobody was told of it, or somebody was told that it goes.
bool goes(const GuestPtr& guest, const Unfinished& what) {
    const ObjectLock lock(guest->mu);
    return what.removing || guest->snapshots.find(what.name) == nullptr;
}

bool uses(const Domain& domain, const std::string& file) {
    for (const Disk& disk : domain.devices.disks)
        for (const Link& link : chain_of(disk).links)
            if (link.path() == file) return true;
    return false;
}

// But for those that the guest has come to use.
void remove_files(const GuestPtr& guest, const std::vector<std::string>& files) {
    std::shared_ptr<const Domain> live;
    PackedDomainPtr packed;
    {
        const ObjectLock lock(guest->mu);
        live = guest->live;
        packed = guest->config;
    }
    const auto config = packed ? packed->unpack() : Result<Domain>(Domain());
    if (!config) return;
    for (const std::string& file : files)
        if (!(live && uses(*live, file)) && !uses(*config, file)) ::unlink(file.c_str());
}

Status end_record(Driver& driver, const GuestPtr& guest, const Unfinished& what) {
    if (goes(guest, what)) {
        remove_files(guest, what.files);
        PV_TRY(forget_snapshot(driver, guest, what.name));
        log::info("snapshot", "domain '{}': the snapshot '{}' was half {} when the daemon ended; it is gone", guest->name, what.name,
                  what.removing ? "removed" : "made");
    }
    drop_unfinished(driver.services(), *guest);
    return {};
}

// Which nodes have it inside, of a reply to query-block.
std::vector<std::string> nodes_with(const Json& blocks, const std::string& tag) {
    std::vector<std::string> nodes;
    if (!blocks.is_array()) return nodes;
    for (const Json& block : blocks) {
        const auto inserted = block.find("inserted");
        if (inserted == block.end() || !inserted->is_object()) continue;
        const auto image = inserted->find("image");
        if (image == inserted->end() || !image->is_object()) continue;
        for (const Json& snapshot : image->value("snapshots", Json::array()))
            if (text_of(snapshot, "name") == tag) nodes.push_back(text_of(*inserted, "node-name"));
    }
    return nodes;
}

// What the last daemon had the emulator do ends before anything else is asked of its images.
sdk::Task<Status> end_jobs(std::shared_ptr<Run> run) {
    for (bool all = false; !all;) {
        const auto jobs = co_await run->qmp("query-jobs");
        PV_CO_TRY(jobs);
        all = true;
        for (const Json& job : *jobs) {
            const std::string id = text_of(job, "id");
            if (!id.starts_with(kOurs)) continue;
            if (text_of(job, "status") != "concluded") {
                all = false;
                continue;
            }
            Json arguments = {{"id", id}};
            (void)co_await run->qmp("job-dismiss", std::move(arguments));
        }
        if (!all) PV_CO_TRY(co_await run->delay(kLookAgain));
    }
    co_return Status{};
}

// The document has an image that the emulator was not told of yet: it is now.
sdk::Task<Status> put_images_over(GuestPtr guest, std::shared_ptr<Run> run) {
    PV_CO_ASSIGN_OR_RETURN(const auto nodes, co_await disk_nodes(run));
    std::vector<Overlay> overlays;
    {
        const ObjectLock lock(guest->mu);
        if (!guest->live) co_return Status{};
        for (const Disk& disk : guest->live->devices.disks) {
            const Chain chain = chain_of(disk);
            const auto node = nodes.find(disk.target.dev);
            if (!chain.backed(0) || node == nodes.end() || node->second != format_node(chain.links[1].number())) continue;
            overlays.push_back({.disk = disk, .link = chain.links.front(), .node = node->second});
        }
    }
    if (overlays.empty()) co_return Status{};
    for (const Overlay& overlay : overlays) (void)co_await close_nodes_of(run, overlay.link.number()); // that was opened and no more
    co_return co_await switch_to(run, std::move(overlays));
}

// Of a guest that is off, in whatever image it is.
Status clear_images(Driver& driver, const GuestPtr& guest, const std::string& name) {
    PackedDomainPtr packed;
    {
        const ObjectLock lock(guest->mu);
        if (guest->active()) return {};
        packed = guest->config;
    }
    if (!packed) return {};
    PV_ASSIGN_OR_RETURN(const Domain domain, packed->unpack());
    for (const Disk& disk : domain.devices.disks)
        if (disk.driver.type == "qcow2" && disk.source && !disk.source->file.empty())
            (void)run_qemu_img(driver.services(), {"snapshot", "-d", name, disk.source->file}); // it may have none
    return {};
}

} // namespace

Status put_unfinished(const plugin::Services& s, const Uuid& guest, const Unfinished& what, pv_call* call) {
    const Json j = {{"name", what.name}, {"removing", what.removing}, {"files", what.files}};
    return records_of(s).put(record_of(guest), j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n", call);
}

Status put_unfinished_files(const plugin::Services& s, const Uuid& guest, const std::string& name, std::vector<std::string> files) {
    Unfinished what = read_unfinished(s, guest).value_or(Unfinished{.name = name});
    what.files = std::move(files);
    return put_unfinished(s, guest, what, nullptr);
}

void drop_unfinished(const plugin::Services& s, const Guest& guest) {
    if (const Status gone = records_of(s).remove(record_of(guest.uuid)); !gone) log::error("snapshot", "domain '{}': {}", guest.name, gone.error().message);
}

Status forget_snapshot(Driver& driver, const GuestPtr& guest, const std::string& name) {
    std::vector<std::string> children;
    std::string parent;
    bool current = false;
    {
        const ObjectLock lock(guest->mu);
        const auto* const item = guest->snapshots.find(name);
        if (item == nullptr) return {};
        parent = item->parent;
        current = guest->snapshots.current() == name;
        guest->snapshots.each([&](const std::string& child, const Moment<Snapshot>& c) {
            if (c.parent == name) children.push_back(child);
        });
        guest->snapshots.remove(driver.services(), name);
        driver.show(*guest);
    }
    // Children first: a record whose parent is gone would be one without a parent.
    PV_TRY(driver.moments().put_parents(guest, PV_KIND_SNAPSHOT, children, nullptr));
    if (current) PV_TRY(driver.moments().put_current(PV_KIND_SNAPSHOT, guest->uuid, parent, nullptr));
    return driver.moments().remove_snapshot(guest->uuid, name);
}

sdk::Task<Status> finish_cut_snapshot(GuestPtr guest, std::shared_ptr<Run> run) {
    Driver& driver = run->driver();
    PV_CO_TRY(co_await end_jobs(run));
    PV_CO_TRY(co_await put_images_over(guest, run));
    PV_CO_TRY(co_await sdk::on_worker(driver.services(), guest->strand));
    const auto what = read_unfinished(driver.services(), guest->uuid);
    if (!what) co_return Status{};
    if (goes(guest, *what)) {
        PV_CO_ASSIGN_OR_RETURN(const Json blocks, co_await run->qmp("query-block"));
        const std::vector<std::string> nodes = nodes_with(blocks, what->name);
        Json arguments = {{"tag", what->name}, {"devices", nodes}};
        if (!nodes.empty()) PV_CO_TRY(co_await run_emulator_job(run, "snapshot-delete", std::move(arguments)));
        PV_CO_TRY(co_await sdk::on_worker(driver.services(), guest->strand));
    }
    co_return end_record(driver, guest, *what);
}

void finish_cut_snapshot_off(Driver& driver, const GuestPtr& guest) {
    const plugin::Services& s = driver.services();
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(guest->mu);
        if (guest->active() || guest->removed) return;
        handle = guest->handle;
    }
    const auto what = read_unfinished(s, guest->uuid);
    if (!what) return;
    const auto end = [&driver, guest, what](const sdk::OperationPtr& op) {
        {
            const ObjectLock lock(guest->mu);
            if (guest->active()) return op->finish({}); // somebody was quicker to start it: left to the next daemon
        }
        Status done = goes(guest, *what) ? clear_images(driver, guest, what->name) : Status{};
        if (done) done = end_record(driver, guest, *what);
        op->finish(done);
    };
    // On a worker, wherever the job is granted: images may be slow.
    sdk::Operation::start(s, driver.shared_loop(), {.object = handle, .what = "end of a snapshot"}, [&s, end](const sdk::OperationPtr& op) {
        if (!plugin::submit(s, 0, [end, op] { end(op); })) end(op);
    });
}

void finish_cut_snapshots(Driver& driver) {
    for (const GuestPtr& guest : driver.guests().all()) finish_cut_snapshot_off(driver, guest);
}

} // namespace polyvirt::qemu
