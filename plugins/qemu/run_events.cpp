// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What the emulator tells by itself, and the commands that change a running guest.

#include "run.h"

#include <string_view>
#include <utility>

#include "agent/channels.h"
#include "base/error_text.h"
#include "base/log.h"
#include "block/chain.h"
#include "block/events.h"
#include "console/displays.h"
#include "devices/live.h"
#include "driver.h"
#include "monitor/json.h"
#include "net/port.h"
#include "net/rx_filter.h"
#include "tune/prepare.h"

namespace polyvirt::qemu {
namespace {

std::int32_t suspended_detail(std::int32_t reason) {
    switch (reason) {
    case PV_DOMAIN_PAUSED_IOERROR: return PV_DOMAIN_EVENT_SUSPENDED_IOERROR;
    case PV_DOMAIN_PAUSED_WATCHDOG: return PV_DOMAIN_EVENT_SUSPENDED_WATCHDOG;
    case PV_DOMAIN_PAUSED_FROM_SNAPSHOT: return PV_DOMAIN_EVENT_SUSPENDED_FROM_SNAPSHOT;
    default: return PV_DOMAIN_EVENT_SUSPENDED_PAUSED;
    }
}

} // namespace

// What is done on which event. Features have their own handlers, in their own sources.
const Run::EventRow Run::kEvents[] = {
    {"STOP", [](Run& run, const QmpEvent&) { run.on_stop(); }},
    {"RESUME", [](Run& run, const QmpEvent&) { run.on_resume(); }},
    {"SHUTDOWN", [](Run& run, const QmpEvent& event) { run.on_shutdown(event); }},
    {"RESET", [](Run& run, const QmpEvent&) { run.on_reset(); }},
    {"GUEST_PANICKED", [](Run& run, const QmpEvent&) { run.on_panicked(); }},
    {"BLOCK_IO_ERROR", [](Run& run, const QmpEvent& event) { run.on_io_error(event); }},
    {"BALLOON_CHANGE", on_balloon_change},
    {"DEVICE_DELETED", on_vcpu_deleted},
    {"BLOCK_WRITE_THRESHOLD", on_write_threshold},
    {"JOB_STATUS_CHANGE", on_job_status},
    {"VNC_CONNECTED", [](Run& run, const QmpEvent& event) { on_viewer(run, event, PV_DOMAIN_EVENT_GRAPHICS_CONNECT); }},
    {"VNC_INITIALIZED", [](Run& run, const QmpEvent& event) { on_viewer(run, event, PV_DOMAIN_EVENT_GRAPHICS_INITIALIZE); }},
    {"VNC_DISCONNECTED", [](Run& run, const QmpEvent& event) { on_viewer(run, event, PV_DOMAIN_EVENT_GRAPHICS_DISCONNECT); }},
    {"SPICE_CONNECTED", [](Run& run, const QmpEvent& event) { on_viewer(run, event, PV_DOMAIN_EVENT_GRAPHICS_CONNECT); }},
    {"SPICE_INITIALIZED", [](Run& run, const QmpEvent& event) { on_viewer(run, event, PV_DOMAIN_EVENT_GRAPHICS_INITIALIZE); }},
    {"SPICE_DISCONNECTED", [](Run& run, const QmpEvent& event) { on_viewer(run, event, PV_DOMAIN_EVENT_GRAPHICS_DISCONNECT); }},
    {"VSERPORT_CHANGE", [](Run& run, const QmpEvent& event) { run.channels().on_event(event); }},
    {"WATCHDOG", [](Run& run, const QmpEvent& event) { run.on_watchdog(event); }},
    {"DEVICE_DELETED", on_device_deleted},
    {"DEVICE_UNPLUG_GUEST_ERROR", on_unplug_error},
    {"DEVICE_TRAY_MOVED", on_tray_moved},
    {"NIC_RX_FILTER_CHANGED", on_rx_filter},
    {"STOP", [](Run& run, const QmpEvent&) { show_links(run.driver(), run.guest(), false); }},
    {"RESUME", [](Run& run, const QmpEvent&) { show_links(run.driver(), run.guest(), true); }},
    {"SUSPEND", [](Run& run, const QmpEvent&) { run.channels().guest_gone(), run.on_sleep(false); }},
    {"SUSPEND_DISK", [](Run& run, const QmpEvent&) { run.channels().guest_gone(), run.on_sleep(true); }},
    {"WAKEUP", [](Run& run, const QmpEvent&) { run.on_wakeup(); }},
};

void Run::on_event(const QmpEvent& event) {
    if (phase_ == Phase::ended) return;
    tell_clients(event);
    for (const EventRow& row : kEvents)
        if (row.name == event.name) row.handle(*this, event);
    tell_expected(event);
}

// As it stands, for those who listen to the monitor.
void Run::tell_clients(const QmpEvent& event) {
    if (!driver_.wants_event(PV_EVENT_DOMAIN_QEMU_MONITOR)) return;
    const std::string details = event.data.is_null() ? "" : event.data.dump(-1, ' ', false, Json::error_handler_t::replace);
    pv_event_domain_qemu_monitor payload{};
    payload.size = sizeof payload;
    payload.event = event.name.c_str();
    payload.seconds = event.seconds;
    payload.micros = event.micros;
    payload.details = event.data.is_null() ? nullptr : details.c_str();
    const ObjectLock lock(guest_->mu);
    driver_.post_event(*guest_, PV_EVENT_DOMAIN_QEMU_MONITOR, &payload);
}

void Run::on_stop() {
    if (cycling_) return;
    const std::int32_t reason = std::exchange(next_paused_, PV_DOMAIN_PAUSED_UNKNOWN);
    {
        const ObjectLock lock(guest_->mu);
        if (guest_->state != PV_DOMAIN_RUNNING) return;
        driver_.set_state(*guest_, PV_DOMAIN_PAUSED, reason);
        guest_->pausing = 0;
        driver_.post_lifecycle(*guest_, PV_DOMAIN_EVENT_SUSPENDED, suspended_detail(reason));
    }
    save_soon();
}

void Run::on_resume() {
    cycling_ = false;
    const std::int32_t reason = std::exchange(next_running_, PV_DOMAIN_RUNNING_UNPAUSED);
    {
        const ObjectLock lock(guest_->mu);
        if (guest_->state == PV_DOMAIN_RUNNING) return;
        driver_.set_state(*guest_, PV_DOMAIN_RUNNING, reason);
        driver_.post_lifecycle(*guest_, PV_DOMAIN_EVENT_RESUMED,
                               reason == PV_DOMAIN_RUNNING_FROM_SNAPSHOT ? +PV_DOMAIN_EVENT_RESUMED_FROM_SNAPSHOT
                                                                         : +PV_DOMAIN_EVENT_RESUMED_UNPAUSED);
    }
    save_soon();
}

void Run::on_shutdown(const QmpEvent& event) {
    if (end_ == End::told) return; // the end of an emulator whose guest goes on elsewhere
    channels_->guest_gone();
    if (std::exchange(reboot_asked_, false)) {
        // Nobody is told of a power-off that is half of a reboot.
        cycling_ = true;
        return power_cycle(PV_DOMAIN_RUNNING_BOOTED);
    }
    bool restart = false;
    {
        const ObjectLock lock(guest_->mu);
        if (!guest_->live || guest_->state == PV_DOMAIN_SHUTDOWN) return;
        driver_.set_state(*guest_, PV_DOMAIN_SHUTDOWN, PV_DOMAIN_SHUTDOWN_UNKNOWN);
        driver_.post_lifecycle(*guest_, PV_DOMAIN_EVENT_SHUTDOWN,
                               is_true(event.data, "guest") ? PV_DOMAIN_EVENT_SHUTDOWN_GUEST : PV_DOMAIN_EVENT_SHUTDOWN_HOST);
        restart = guest_->live->on_poweroff == sdk::domain::LifecycleAction::restart;
    }
    if (stopping_) return; // the end that we asked for; its record goes with it
    save_soon();
    if (restart) return power_cycle(PV_DOMAIN_RUNNING_BOOTED);
    kill(false);
}

// A reboot that the guest does not know of: it powered off, and is switched on again.
void Run::power_cycle(std::int32_t reason) {
    const auto failed = [this](const Error& why) {
        log::error("run", "{}: the restart failed: {}", who(), why.message);
        kill(false);
    };
    monitor_->execute("system_reset", {}, [this, reason, failed](Result<Json> reset) {
        if (!reset) return failed(reset.error());
        next_running_ = reason;
        monitor_->execute("cont", {}, [failed](Result<Json> cont) {
            if (!cont) failed(cont.error());
        });
    });
}

void Run::on_reset() {
    channels_->guest_gone();
    const ObjectLock lock(guest_->mu);
    const pv_event_domain_reboot nothing{};
    if (guest_->live) driver_.post_event(*guest_, PV_EVENT_DOMAIN_REBOOT, &nothing);
}

void Run::on_io_error(const QmpEvent& event) {
    const std::string action = text_of(event.data, "action");
    std::string path, alias = text_of(event.data, "device");
    const std::string node = text_of(event.data, "node-name");
    if (action == "stop") next_paused_ = PV_DOMAIN_PAUSED_IOERROR;
    const std::string reason = is_true(event.data, "nospace") ? "enospc" : "";
    const ObjectLock lock(guest_->mu);
    if (!guest_->live) return;
    const sdk::domain::Disk* const by_node = disk_of_number(*guest_->live, number_of_node(node));
    for (const sdk::domain::Disk& disk : guest_->live->devices.disks) {
        if (&disk != by_node && disk.info.alias.name != alias) continue;
        alias = disk.info.alias.name;
        if (disk.source) path = disk.source->file.empty() ? disk.source->dev : disk.source->file;
        break;
    }
    pv_event_domain_io_error payload{};
    payload.size = sizeof payload;
    payload.src_path = path.c_str();
    payload.dev_alias = alias.c_str();
    payload.action = action == "stop"     ? PV_DOMAIN_EVENT_IO_ERROR_PAUSE
                     : action == "report" ? PV_DOMAIN_EVENT_IO_ERROR_REPORT
                                          : PV_DOMAIN_EVENT_IO_ERROR_NONE;
    driver_.post_event(*guest_, PV_EVENT_DOMAIN_IO_ERROR, &payload);
    pv_event_domain_io_error_reason with_reason{};
    with_reason.size = sizeof with_reason;
    with_reason.src_path = payload.src_path;
    with_reason.dev_alias = payload.dev_alias;
    with_reason.action = payload.action;
    with_reason.reason = reason.c_str();
    driver_.post_event(*guest_, PV_EVENT_DOMAIN_IO_ERROR_REASON, &with_reason);
}

void Run::on_watchdog(const QmpEvent& event) {
    constexpr std::pair<std::string_view, std::int32_t> kActions[] = {
        {"none", PV_DOMAIN_EVENT_WATCHDOG_NONE},         {"pause", PV_DOMAIN_EVENT_WATCHDOG_PAUSE},
        {"reset", PV_DOMAIN_EVENT_WATCHDOG_RESET},       {"poweroff", PV_DOMAIN_EVENT_WATCHDOG_POWEROFF},
        {"shutdown", PV_DOMAIN_EVENT_WATCHDOG_SHUTDOWN}, {"debug", PV_DOMAIN_EVENT_WATCHDOG_DEBUG},
        {"inject-nmi", PV_DOMAIN_EVENT_WATCHDOG_INJECTNMI}};
    const std::string action = text_of(event.data, "action");
    pv_event_domain_watchdog payload{};
    payload.size = sizeof payload;
    for (const auto& [name, number] : kActions) {
        if (name == action) payload.action = number;
    }
    if (payload.action == PV_DOMAIN_EVENT_WATCHDOG_PAUSE) next_paused_ = PV_DOMAIN_PAUSED_WATCHDOG;
    bool dump = false; // which the emulator knows nothing of: it pauses
    {
        const ObjectLock lock(guest_->mu);
        if (!guest_->live) return;
        driver_.post_event(*guest_, PV_EVENT_DOMAIN_WATCHDOG, &payload);
        for (const auto& watchdog : guest_->live->devices.watchdogs) dump = dump || watchdog.action == "dump";
    }
    if (dump && payload.action == PV_DOMAIN_EVENT_WATCHDOG_PAUSE) on_watchdog_dump();
}

void Run::save_soon() {
    driver_.save_status(guest_, [guest = guest_](const Status& saved) {
        if (!saved) log::error("run", "domain '{}': {}", guest->name, saved.error().message);
    });
}

void Run::finish_saved(const sdk::OperationPtr& op) {
    if (!op) return;
    driver_.save_status(guest_, [op](const Status& saved) { op->finish(saved); });
}

// --- commands ---

Status Run::check_running() const {
    const bool found_again = adopted_ && phase_ == Phase::starting;
    if (phase_ == Phase::ended || (phase_ == Phase::starting && !talks_ && !found_again) || stopping_ || exited_)
        return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
    if (!monitor_ || reattaching_ || found_again)
        return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "the emulator of {} does not answer at present", who());
    return {};
}

void Run::command(const char* name, sdk::OperationPtr op) {
    if (const Status running = check_running(); !running) return op->finish(running);
    monitor_->execute(name, {}, [this, op = std::move(op)](Result<Json> reply) {
        if (reply) return finish_saved(op);
        if (!stopping_ && monitor_ && monitor_->connected()) return op->finish(reply.error());
        op->finish(make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "domain is no longer running"));
    });
}

void Run::post_suspend(sdk::OperationPtr op) {
    post([self = shared_from_this(), op = std::move(op)] {
        self->next_paused_ = PV_DOMAIN_PAUSED_USER;
        self->command("stop", op);
    });
}

void Run::post_resume(sdk::OperationPtr op) {
    post([self = shared_from_this(), op = std::move(op)] {
        self->next_running_ = PV_DOMAIN_RUNNING_UNPAUSED;
        self->command("cont", op);
    });
}

void Run::post_reset(sdk::OperationPtr op) {
    post([self = shared_from_this(), op = std::move(op)] {
        self->reboot_asked_ = false;
        {
            const ObjectLock lock(self->guest_->mu);
            if (self->guest_->state == PV_DOMAIN_CRASHED)
                self->driver_.set_state(*self->guest_, PV_DOMAIN_PAUSED, PV_DOMAIN_PAUSED_CRASHED);
        }
        self->command("system_reset", op);
    });
}

sdk::Async<Status> Run::powerdown(bool reboot, bool press) {
    return sdk::Async<Status>([self = shared_from_this(), reboot, press](const sdk::Answer<Status>& answer) {
        self->post([self, reboot, press, answer] {
            if (const Status running = self->check_running(); !running) return answer(running);
            self->reboot_asked_ = reboot;
            if (!press) return answer({});
            self->monitor_->execute("system_powerdown", {}, [answer](Result<Json> reply) { answer(reply ? Status() : Status(reply.error())); });
        });
    });
}

} // namespace polyvirt::qemu
