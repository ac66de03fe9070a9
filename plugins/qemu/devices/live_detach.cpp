// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Devices leave a running guest: asked for, and when the guest lets go of them.

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/error_text.h"
#include "base/log.h"
#include "command/builder.h"
#include "devices/intent.h"
#include "devices/live.h"
#include "monitor/json.h"
#include "net/port.h"
#include "virtiofs/servers.h"

namespace polyvirt::qemu {
namespace {

namespace dom = sdk::domain;
using dom::Device;
using dom::DeviceKind;

Status check_removed_disk(const dom::Disk& disk) {
    if (disk.mirror)
        return make_error(ErrorCode::block_copy_active, ErrorDomain::qemu, "disk '{}' is in an active block job", disk.target.dev);
    if (disk.device == dom::DiskDevice::floppy) return unsupported("disk device type '{}' cannot be detached", name(disk.device));
    const dom::DiskBus bus = disk.target.bus;
    if (bus == dom::DiskBus::virtio || bus == dom::DiskBus::scsi || bus == dom::DiskBus::usb) return {};
    if (disk.device == dom::DiskDevice::cdrom) return unsupported("disk device type '{}' cannot be detached", name(disk.device));
    return unsupported("This type of disk cannot be hot unplugged");
}

bool on_controller(const dom::DeviceInfo& info, const dom::Controller& c) {
    if (!info.address) return false;
    const dom::Address& a = *info.address;
    switch (c.type) {
    case dom::ControllerType::scsi: return a.type == dom::AddressType::drive && a.controller == c.index;
    case dom::ControllerType::virtio_serial: return a.type == dom::AddressType::virtio_serial && a.controller == c.index;
    case dom::ControllerType::usb: return a.type == dom::AddressType::usb && a.bus == c.index;
    default: return false;
    }
}

Status check_controller(const Domain& live, const dom::Controller& c) {
    if (c.type != dom::ControllerType::scsi && c.type != dom::ControllerType::virtio_serial && c.type != dom::ControllerType::usb)
        return unsupported("'{}' controller cannot be hot unplugged.", name(c.type));
    bool busy = false;
    for (const dom::Disk& d : live.devices.disks) busy |= (c.type != dom::ControllerType::scsi || d.target.bus == dom::DiskBus::scsi) && on_controller(d.info, c);
    for (const auto* list : {&live.devices.serials, &live.devices.consoles, &live.devices.channels})
        for (const dom::Chardev& x : *list) busy |= on_controller(x.info, c);
    for (const dom::Input& x : live.devices.inputs) busy |= on_controller(x.info, c);
    for (const dom::Redirdev& x : live.devices.redirdevs) busy |= on_controller(x.info, c);
    for (const dom::Hostdev& x : live.devices.hostdevs) busy |= on_controller(x.info, c);
    if (!busy) return {};
    return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "device cannot be detached: device is busy");
}

} // namespace

Status check_unplug(const Domain& live, dom::DeviceRef ref) {
    const Device device = dom::device_at(live.devices, ref);
    switch (ref.kind) {
    case DeviceKind::disk: return check_removed_disk(device.as<dom::Disk>());
    case DeviceKind::controller: return check_controller(live, device.as<dom::Controller>());
    case DeviceKind::input: {
        const dom::InputBus bus = device.as<dom::Input>().bus;
        if (bus == dom::InputBus::usb || bus == dom::InputBus::virtio) return {};
        return unsupported("input device on bus '{}' cannot be detached", name(bus));
    }
    case DeviceKind::serial: {
        const std::string& type = device.as<dom::Chardev>().target.type;
        if (type == "usb-serial" || type == "pci-serial") return {};
        return unsupported("detaching serial device of type '{}' is not supported", type);
    }
    case DeviceKind::console:
        if (device.as<dom::Chardev>().target.type == "virtio") return {};
        return unsupported("detaching serial console is not supported");
    case DeviceKind::watchdog:
        if (device.as<dom::Watchdog>().model == "i6300esb") return {};
        return unsupported("hot unplug of watchdog of model {} is not supported", device.as<dom::Watchdog>().model);
    case DeviceKind::filesystem:
        if (device.as<dom::Filesystem>().driver.type == "virtiofs") return {};
        return unsupported("only virtiofs filesystems can be hotplugged");
    case DeviceKind::interface:
    case DeviceKind::hostdev:
    case DeviceKind::redirdev:
    case DeviceKind::channel:
    case DeviceKind::rng:
    case DeviceKind::memory:
    case DeviceKind::shmem:
    case DeviceKind::vsock: return {};
    default: return unsupported("live detach of device '{}' is not supported", dom::element_of(ref.kind));
    }
}

sdk::Task<Status> unplug(GuestPtr guest, RunPtr run, std::string alias, bool wait) {
    PV_CO_TRY(co_await run->on_loop());
    if (wait) run->removals().expect(alias);
    Json arguments = Json::object();
    arguments["id"] = alias;
    const auto reply = co_await run->qmp("device_del", std::move(arguments));
    if (!reply) {
        run->removals().forget(alias);
        // It went by itself, and the daemon has not heard of it.
        if (reply.error().message.find("not found") != std::string::npos) co_return co_await finish_removal(guest, run, alias);
        co_return reply.error();
    }
    if (!wait) co_return Status{};
    const auto outcome = co_await run->removed(alias, kRemovalPatience);
    PV_CO_TRY(outcome);
    if (*outcome == Removal::refused)
        co_return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "unplug of device was rejected by the guest");
    co_return Status{};
}

namespace {

// What is behind the device, the last made first.
std::vector<PlugStep> clean_up_steps(Driver& driver, const Run& run, const Domain& live, const Device& device) {
    const HostResources host{};
    const auto plug = plug_of(live, live_context(driver, run, live, &host), device);
    if (!plug) {
        log::warning("devices", "domain '{}': what was behind the device '{}' stays: {}", live.name, device.info()->alias.name, plug.error().message);
        return {};
    }
    std::vector<PlugStep> steps;
    for (auto step = plug->steps.rbegin(); step != plug->steps.rend(); ++step) {
        if (!step->undo.empty() && step->undo != "device_del") steps.push_back(*step);
    }
    return steps;
}

// A device that a restarted daemon does not find any more may hold on to its images for a moment longer.
sdk::Task<Status> clear_up(RunPtr run, PlugStep step) {
    constexpr std::int64_t kMoment = 50'000'000;
    for (std::int64_t waited = 0;; waited += kMoment) {
        Json arguments = step.undo_arguments;
        const auto reply = co_await run->qmp(step.undo, std::move(arguments));
        if (reply) co_return Status{};
        if (waited >= kRemovalPatience || reply.error().message.find("is in use") == std::string::npos) co_return reply.error();
        PV_CO_TRY(co_await run->delay(kMoment));
    }
}

void tell_removed(Driver& driver, Guest& guest, const std::string& alias) PV_REQUIRES(guest.mu) {
    pv_event_domain_device_removed payload{};
    payload.size = sizeof payload;
    payload.dev_alias = alias.c_str();
    driver.post_event(guest, PV_EVENT_DOMAIN_DEVICE_REMOVED, &payload);
}

} // namespace

sdk::Task<Status> finish_removal(GuestPtr guest, RunPtr run, std::string alias) {
    Driver& driver = run->driver();
    std::vector<PlugStep> steps;
    std::vector<Need> needs;
    std::optional<dom::Interface> interface;
    {
        const ObjectLock lock(guest->mu);
        const auto ref = guest->live ? dom::find_alias(guest->live->devices, alias) : std::nullopt;
        if (ref) {
            const Device device = dom::device_at(guest->live->devices, *ref);
            steps = clean_up_steps(driver, *run, *guest->live, device);
            if (ref->kind == DeviceKind::interface) interface = device.as<dom::Interface>();
            const bool line = std::holds_alternative<dom::Chardev>(device.value); // its files may be others' by now
            if (const auto found = line ? Result<std::vector<Need>>(std::vector<Need>()) : needs_of_device(device)) needs = *found;
        }
    }
    // Whoever hears that the device has gone may use its files at once.
    for (const PlugStep& step : steps) {
        const Status cleared = co_await clear_up(run, step);
        if (!cleared) log::warning("devices", "domain '{}': {} of what was behind '{}': {}", guest->name, step.undo, alias, cleared.error().message);
    }
    PV_CO_TRY(co_await sdk::on_worker(driver.services(), guest->strand));
    drop_server(*guest, alias);
    run->close_up(needs);
    if (interface) unplug_interface(driver, guest, *interface);
    run->return_device(alias);
    bool removed = false;
    {
        const ObjectLock lock(guest->mu);
        driver.edit_live(*guest, [&](Domain& d) {
            const auto ref = dom::find_alias(d.devices, alias);
            if (!ref) return;
            removed = true;
            dom::detach_device_at(d, *ref);
        });
        if (removed) tell_removed(driver, *guest, alias);
    }
    if (removed) {
        if (const Status saved = co_await driver.saved(guest); !saved)
            log::error("devices", "domain '{}': {}", guest->name, saved.error().message);
    }
    PV_CO_TRY(co_await run->on_loop());
    run->removals().tell(alias, Removal::gone);
    co_return Status{};
}

void on_device_deleted(Run& run, const QmpEvent& event) {
    const std::string alias = text_of(event.data, "device");
    if (alias.empty()) return; // a part of one, without a name
    if (!run.ready()) return;  // the daemon has just come back: reconcile_devices() will miss it, and can ask for the rest
    sdk::start(finish_removal(run.guest(), run.shared_from_this(), alias), [](const Status&) {});
}

void on_unplug_error(Run& run, const QmpEvent& event) {
    const std::string alias = text_of(event.data, "device");
    if (alias.empty()) return;
    {
        Guest& guest = *run.guest();
        const ObjectLock lock(guest.mu);
        pv_event_domain_device_removal_failed payload{};
        payload.size = sizeof payload;
        payload.dev_alias = alias.c_str();
        if (guest.live) run.driver().post_event(guest, PV_EVENT_DOMAIN_DEVICE_REMOVAL_FAILED, &payload);
    }
    run.removals().tell(alias, Removal::refused);
}

namespace {

sdk::Task<Status> remove_missing(GuestPtr guest, RunPtr run, std::set<std::string> there) {
    std::vector<std::string> missing;
    {
        const ObjectLock lock(guest->mu);
        if (!guest->live) co_return Status{};
        const HostResources host{};
        const CommandContext context = live_context(run->driver(), *run, *guest->live, &host);
        const auto& devices = guest->live->devices;
        for (int k = 0; k <= static_cast<int>(DeviceKind::vsock); k++) {
            const auto kind = static_cast<DeviceKind>(k);
            for (std::size_t i = 0; i < dom::count_devices(devices, kind); i++) {
                if (!check_unplug(*guest->live, {kind, i})) continue;
                const auto plug = plug_of(*guest->live, context, dom::device_at(devices, {kind, i}));
                if (plug && plug->has_device() && !there.contains(plug->alias)) missing.push_back(plug->alias);
            }
        }
    }
    for (const std::string& alias : missing) (void)co_await finish_removal(guest, run, alias);
    co_return Status{};
}

} // namespace

sdk::Task<Status> reconcile_devices(GuestPtr guest, RunPtr run) {
    Json arguments = Json::object();
    arguments["path"] = "/machine/peripheral";
    const auto list = co_await run->qmp("qom-list", std::move(arguments));
    PV_CO_TRY(list);
    std::set<std::string> there;
    if (list->is_array())
        for (const Json& entry : *list) there.insert(text_of(entry, "name"));
    PV_CO_TRY(co_await finish_cut_attach(guest, run, there));
    PV_CO_TRY(co_await remove_missing(guest, run, std::move(there)));
    PV_CO_TRY(co_await sdk::on_worker(run->services(), guest->strand));
    reconcile_links(run->driver(), guest);
    co_return co_await run->on_loop();
}

} // namespace polyvirt::qemu
