// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Media of drives: put in, taken out, exchanged; and trays that the guest opens and closes.

#include <utility>

#include "base/error_text.h"
#include "base/log.h"
#include "command/blockdev.h"
#include "devices/live.h"
#include "launch/volumes.h"
#include "monitor/json.h"
#include "sdk/xml/format.h"

namespace polyvirt::qemu {
namespace {

namespace dom = sdk::domain;

constexpr std::int64_t kTrayPatience = 5'000'000'000;

Json drive(const dom::Disk& disk) {
    Json arguments = Json::object();
    arguments["id"] = disk.info.alias.name;
    return arguments;
}

sdk::Async<Result<Json>> on_drive(const RunPtr& run, const char* command, const dom::Disk& disk) { return run->qmp(command, drive(disk)); }

bool loaded(const dom::Disk& disk) { return has_source(disk.type, disk.source ? &*disk.source : nullptr); }

// What opens what is in it.
std::vector<PlugStep> nodes_of(const Domain& live, const CommandContext& context, const dom::Disk& disk) {
    if (!loaded(disk)) return {};
    const auto plug = plug_of(live, context, dom::Device{dom::DeviceKind::disk, disk});
    if (!plug) return {};
    std::vector<PlugStep> steps = plug->steps;
    std::erase_if(steps, [](const PlugStep& s) { return s.command == "device_add"; });
    return steps;
}

sdk::Task<Status> remove_nodes(RunPtr run, std::vector<PlugStep> steps) {
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
        Json arguments = step->undo_arguments;
        const auto reply = co_await run->qmp(step->undo, std::move(arguments));
        if (!reply) log::warning("devices", "domain '{}': {}: {}", run->guest()->name, step->undo, reply.error().message);
    }
    co_return Status{};
}

sdk::Task<Status> add_nodes(RunPtr run, std::vector<PlugStep> steps) {
    std::vector<PlugStep> done;
    for (const PlugStep& step : steps) {
        Json arguments = step.arguments;
        const auto reply = co_await run->qmp(step.command, std::move(arguments));
        if (!reply) {
            const Error why = reply.error();
            (void)co_await remove_nodes(run, done);
            co_return why;
        }
        done.push_back(step);
    }
    co_return Status{};
}

// A guest may hold the tray locked; it is then asked to let go, and waited for.
sdk::Task<Status> open_tray(RunPtr run, dom::Disk disk, bool force) {
    const std::string alias = disk.info.alias.name;
    const std::function<bool(const Json&)> opens = [alias](const Json& data) {
        return text_of(data, "id") == alias && is_true(data, "tray-open");
    };
    const auto opened = co_await run->expect("DEVICE_TRAY_MOVED", opens);
    PV_CO_TRY(opened);
    Json arguments = drive(disk);
    arguments["force"] = force;
    const auto reply = co_await run->qmp("blockdev-open-tray", std::move(arguments));
    if (reply) co_return Status{};
    if (reply.error().message.find("locked") == std::string::npos) co_return reply.error();
    const auto event = co_await run->wait(*opened, kTrayPatience);
    if (event) co_return Status{};
    co_return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "timed out waiting to open tray of '{}'", disk.target.dev);
}

sdk::Task<Status> exchange(RunPtr run, dom::Disk old, dom::Disk fresh, bool force) {
    PV_CO_TRY(co_await open_tray(run, old, force));
    PV_CO_TRY(co_await on_drive(run, "blockdev-remove-medium", old));
    Status done;
    if (loaded(fresh)) {
        Json arguments = drive(fresh);
        arguments["node-name"] = top_node(fresh);
        const auto inserted = co_await run->qmp("blockdev-insert-medium", std::move(arguments));
        if (!inserted) done = inserted.error();
    }
    if (!done && loaded(old)) {
        Json arguments = drive(old);
        arguments["node-name"] = top_node(old);
        (void)co_await run->qmp("blockdev-insert-medium", std::move(arguments));
    }
    const auto closed = co_await on_drive(run, "blockdev-close-tray", old);
    if (!closed) log::warning("devices", "domain '{}': the tray of '{}' stays open: {}", run->guest()->name, old.target.dev, closed.error().message);
    co_return done;
}

} // namespace

std::string medium_of(const dom::Disk& disk) {
    if (!loaded(disk)) return {};
    dom::DiskSource source = *disk.source;
    source.index.reset();
    source.startup_policy.clear();
    source.labels.clear();
    return fmt::format("{}\n{}", static_cast<int>(disk.type), sdk::xml::format("source", source));
}

sdk::Task<Status> change_medium(GuestPtr guest, RunPtr run, dom::Disk old, dom::Disk changed, bool force) {
    Driver& driver = run->driver();
    dom::Disk fresh = old;
    fresh.type = changed.type;
    fresh.source = changed.source;
    fresh.backing = changed.backing;
    fresh.auth = changed.auth;
    fresh.encryption = changed.encryption;
    fresh.driver.type = changed.driver.type;
    if (fresh.source) fresh.source->index.reset();
    if (!loaded(fresh)) fresh.source.reset();
    std::vector<Need> needs;
    if (fresh.source) {
        PV_CO_TRY(find_volume(driver.services(), nullptr, fresh));
        PV_CO_TRY(settle_images(guest, fresh));
        needs = needs_of(fresh);
        PV_CO_TRY(run->open_up(needs, nullptr));
    }
    std::vector<PlugStep> before, after;
    {
        const ObjectLock lock(guest->mu);
        if (!guest->live) co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
        const CommandContext context = live_context(driver, *run, *guest->live, nullptr);
        before = nodes_of(*guest->live, context, old);
        after = nodes_of(*guest->live, context, fresh);
    }
    // The new medium is opened before the old one is touched: what cannot be opened changes nothing.
    Status done = co_await add_nodes(run, after);
    if (done) {
        done = co_await exchange(run, old, fresh, force);
        (void)co_await remove_nodes(run, done ? before : after);
    }
    PV_CO_TRY(co_await sdk::on_worker(driver.services(), guest->strand));
    run->close_up(done ? needs_of(old) : needs);
    PV_CO_TRY(done);
    {
        const ObjectLock lock(guest->mu);
        driver.edit_live(*guest, [&](Domain& d) {
            const auto ref = dom::find_alias(d.devices, fresh.info.alias.name);
            if (!ref) return;
            fresh.target.tray = d.devices.disks[ref->index].target.tray;
            d.devices.disks[ref->index] = fresh;
        });
    }
    co_return co_await driver.saved(guest);
}

void on_tray_moved(Run& run, const QmpEvent& event) {
    const std::string alias = text_of(event.data, "id");
    const bool open = is_true(event.data, "tray-open");
    bool found = false;
    {
        Guest& guest = *run.guest();
        const ObjectLock lock(guest.mu);
        run.driver().edit_live(guest, [&](Domain& d) {
            for (dom::Disk& disk : d.devices.disks) {
                if (disk.info.alias.name != alias) continue;
                disk.target.tray = open ? std::string("open") : std::string();
                found = true;
            }
        });
        if (!found) return;
        pv_event_domain_tray_change payload{};
        payload.size = sizeof payload;
        payload.dev_alias = alias.c_str();
        payload.reason = open ? PV_DOMAIN_EVENT_TRAY_CHANGE_OPEN : PV_DOMAIN_EVENT_TRAY_CHANGE_CLOSE;
        run.driver().post_event(guest, PV_EVENT_DOMAIN_TRAY_CHANGE, &payload);
    }
    run.driver().save_status(run.guest(), [name = run.guest()->name](const Status& saved) {
        if (!saved) log::error("devices", "domain '{}': {}", name, saved.error().message);
    });
}

} // namespace polyvirt::qemu
