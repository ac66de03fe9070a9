// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>

#include "base/error_text.h"
#include "base/log.h"
#include "block/chain.h"
#include "command/builder.h"
#include "devices/live.h"
#include "hostdev/memory_lock.h"
#include "launch/listen.h"
#include "launch/volumes.h"
#include "launch/vsock.h"
#include "monitor/json.h"
#include "net/port.h"
#include "sdk/domain/passes.h"
#include "validate.h"
#include "virtiofs/program.h"
#include "virtiofs/servers.h"

namespace polyvirt::qemu {
namespace {

namespace dom = sdk::domain;
using dom::Device;
using dom::DeviceKind;

constexpr const char* kUnnamed = "\x01"; // as long as the device has no alias

Status check_disk(const dom::Disk& disk) {
    if (disk.device == dom::DiskDevice::cdrom || disk.device == dom::DiskDevice::floppy)
        return unsupported("{} device hotplug isn't supported", name(disk.device));
    const dom::DiskBus bus = disk.target.bus;
    if (bus == dom::DiskBus::virtio || bus == dom::DiskBus::scsi || bus == dom::DiskBus::usb) return {};
    return unsupported("disk bus '{}' cannot be hotplugged.", name(bus));
}

Status check_line(const Device& device) {
    const auto& c = device.as<dom::Chardev>();
    const std::string& type = c.target.type;
    if (device.kind == DeviceKind::serial && (type == "usb-serial" || type == "pci-serial")) return {};
    if (device.kind == DeviceKind::channel && (type == "virtio" || type == "guestfwd")) return {};
    if (device.kind == DeviceKind::console && type == "virtio") return {};
    return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "Unsupported address type for character device");
}

// What a running emulator takes, as the peer has it.
Status check_plug(const Device& device) {
    switch (device.kind) {
    case DeviceKind::disk: return check_disk(device.as<dom::Disk>());
    case DeviceKind::controller: {
        const dom::ControllerType type = device.as<dom::Controller>().type;
        if (type == dom::ControllerType::scsi || type == dom::ControllerType::virtio_serial || type == dom::ControllerType::usb) return {};
        return unsupported("'{}' controller cannot be hot plugged.", name(type));
    }
    case DeviceKind::input: {
        const dom::InputBus bus = device.as<dom::Input>().bus;
        if (bus == dom::InputBus::usb || bus == dom::InputBus::virtio) return {};
        return unsupported("input device on bus '{}' cannot be hot plugged.", name(bus));
    }
    case DeviceKind::filesystem:
        if (device.as<dom::Filesystem>().driver.type == "virtiofs") return {};
        return unsupported("only virtiofs filesystems can be hotplugged");
    case DeviceKind::serial:
    case DeviceKind::channel:
    case DeviceKind::console: return check_line(device);
    case DeviceKind::interface:
    case DeviceKind::hostdev:
    case DeviceKind::redirdev:
    case DeviceKind::rng:
    case DeviceKind::memory:
    case DeviceKind::shmem:
    case DeviceKind::watchdog:
    case DeviceKind::vsock: return {};
    default: return unsupported("live attach of device '{}' is not supported", dom::element_of(device.kind));
    }
}

std::string source_of(const dom::Disk& disk) { return disk.source ? (disk.source->file.empty() ? disk.source->dev : disk.source->file) : "(null)"; }

Status check_there(const Domain& live, const Device& device) {
    if (device.kind != DeviceKind::disk) return {};
    const auto& disk = device.as<dom::Disk>();
    for (const dom::Disk& other : live.devices.disks) {
        if (other.target.dev == disk.target.dev)
            return make_error(ErrorCode::xml_error, ErrorDomain::domain, "target '{}' duplicated for disk sources '{}' and '{}'",
                              disk.target.dev, source_of(other), source_of(disk));
    }
    return {};
}

bool same_controller(const dom::Controller& a, const dom::Controller& b) {
    return a.type == b.type && a.index == b.index && a.model == b.model && a.master.startport == b.master.startport;
}

// Those that the passes have added for the device.
Result<std::vector<Device>> new_controllers(const Domain& before, const Domain& after, const std::string& own) {
    std::vector<Device> list;
    for (const dom::Controller& c : after.devices.controllers) {
        const auto& old = before.devices.controllers;
        if (c.info.alias.name == own || std::any_of(old.begin(), old.end(), [&](const dom::Controller& o) { return same_controller(o, c); }))
            continue;
        if (c.type == dom::ControllerType::pci)
            return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "No more available PCI slots");
        const Device device{DeviceKind::controller, c};
        PV_TRY(check_plug(device));
        list.push_back(device);
    }
    return list;
}

} // namespace

Status settle_images(const GuestPtr& guest, dom::Disk& disk) {
    if (disk.type == dom::DiskType::vhostuser) return {};
    Chain chain = chain_of(disk);
    PV_TRY(complete_chain(chain));
    set_chain(disk, chain);
    std::vector<dom::Disk> alone{std::move(disk)};
    {
        const ObjectLock lock(guest->mu);
        guest->blocks.next_image = number_images(alone, guest->blocks.next_image);
    }
    disk = std::move(alone.front());
    return {};
}

CommandContext live_context(Driver& driver, const Run& run, const Domain& domain, const HostResources* host) {
    CommandContext context;
    context.folder = run.folder_path();
    context.kvm = domain.type == "kvm";
    context.id = run.id();
    context.state = driver.services().paths->dir(driver.services().host, PV_PATH_STATE);
    context.host = host;
    context.hotplug = true;
    context.protections = driver.settings().protections;
    return context;
}

static Status fill_plan(Driver& driver, const RunPtr& run, Domain& next, dom::DeviceRef ref, AttachPlan& plan);

// An interface's place on the host, whose descriptors the emulator gets.
static Status plug_cable(Driver& driver, const GuestPtr& guest, AttachPlan& plan, pv_call* call) {
    auto& interface = plan.device.as<dom::Interface>();
    PV_ASSIGN_OR_RETURN(Tap tap, plug_interface(driver, guest, interface, call));
    const std::vector<std::string> names = tap_names(interface);
    for (std::size_t queue = 0; queue < names.size(); ++queue) plan.descriptors[names[queue]] = std::move(tap.fds[queue]);
    return {};
}

Result<AttachPlanPtr> plan_attach(Driver& driver, const GuestPtr& guest, const RunPtr& run, const std::string& xml, pv_call* call) {
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(guest->mu);
        live = guest->live;
    }
    if (!live) return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
    PV_ASSIGN_OR_RETURN(Device device, dom::parse_device(xml, true));
    fill_attached(device);
    PV_ASSIGN_OR_RETURN(Device full, dom::with_defaults(*live, device, [&](Domain& d) { return driver.fill_defaults(d); }));
    PV_TRY(check_attached(*live, device, full, driver.settings().protections.spice.tls));
    PV_TRY(check_plug(full));
    PV_TRY(check_there(*live, full));
    PV_TRY(dom::check_attach(*live, full, ErrorDomain::qemu));
    Domain next = *live;
    if (device.info() != nullptr && device.info()->alias.name.empty()) device.info()->alias.name = kUnnamed;
    const std::string name = device.info() != nullptr ? device.info()->alias.name : std::string();
    dom::add_device(next.devices, std::move(device));
    PV_TRY(driver.complete(next));
    auto ref = dom::find_alias(next.devices, name);
    if (!ref) return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "the device was lost while it was completed");
    if (name == kUnnamed) dom::info_at(next.devices, *ref)->alias.name.clear();
    dom::assign_aliases(next);
    auto plan = std::make_shared<AttachPlan>();
    plan->device = dom::device_at(next.devices, *ref);
    PV_ASSIGN_OR_RETURN(plan->controllers, new_controllers(*live, next, plan->device.info()->alias.name));
    if (plan->device.kind == DeviceKind::hostdev) {
        auto& h = plan->device.as<dom::Hostdev>();
        PV_TRY(driver.host_devices().find(h, true));
        if (h.source.missing == dom::YesNo::yes)
            return make_error(ErrorCode::device_missing, ErrorDomain::qemu, "the host has no such USB device");
        plan->taken.hostdevs.push_back(h);
    }
    if (plan->device.kind == DeviceKind::interface) plan->taken.interfaces.push_back(plan->device.as<dom::Interface>());
    if (plan->device.kind == DeviceKind::disk) {
        PV_TRY(find_volume(driver.services(), nullptr, plan->device.as<dom::Disk>()));
        PV_TRY(settle_images(guest, plan->device.as<dom::Disk>()));
    }
    if (plan->device.kind != DeviceKind::interface) {
        PV_TRY(fill_plan(driver, run, next, *ref, *plan));
        return plan;
    }
    auto& interface = plan->device.as<dom::Interface>();
    sdk::name_port(interface);
    Status done = wants_tap(interface) ? plug_cable(driver, guest, *plan, call) : Status();
    if (done) done = fill_plan(driver, run, next, *ref, *plan);
    if (done) return plan;
    unplug_interface(driver, guest, interface);
    return done.error();
}

// From what the device is to what the emulator is told.
static Status fill_plan(Driver& driver, const RunPtr& run, Domain& next, dom::DeviceRef ref, AttachPlan& plan) {
    if (plan.device.kind == DeviceKind::filesystem) PV_TRY(settle_filesystem(plan.device.as<dom::Filesystem>()));
    if (plan.device.kind == DeviceKind::vsock) {
        auto& vsock = plan.device.as<dom::Vsock>();
        PV_ASSIGN_OR_RETURN(plan.descriptors[vsock_name(vsock)], take_cid(vsock));
    }
    dom::replace_device(next.devices, ref, plan.device);
    const HostResources host = host_resources();
    CommandContext context = live_context(driver, *run, next, &host);
    std::size_t sockets = 0;
    context.pass_socket = [&](const std::string& path) -> Result<int> {
        const int number = static_cast<int>(sockets++);
        PV_ASSIGN_OR_RETURN(plan.descriptors[socket_name(std::to_string(number))], listen_at(path));
        return number;
    };
    context.open_device = [&](const std::string& path, const std::string& alias) -> Result<std::string> {
        UniqueFd device(::open(path.c_str(), O_RDWR | O_CLOEXEC));
        if (!device) return make_system_error(errno, ErrorDomain::qemu, "cannot open '" + path + "'");
        plan.descriptors["device-" + alias] = std::move(device);
        return "device-" + alias;
    };
    plan.locked = memory_to_lock(next);
    for (const Device& c : plan.controllers) {
        PV_ASSIGN_OR_RETURN(Plug plug, plug_of(next, context, c));
        plan.plugs.push_back(std::move(plug));
    }
    PV_ASSIGN_OR_RETURN(Plug plug, plug_of(next, context, plan.device));
    plan.plugs.push_back(std::move(plug));
    PV_ASSIGN_OR_RETURN(plan.needs, needs_of_device(plan.device));
    return {};
}

Status start_server(const RunPtr& run, AttachPlan& plan, pv_call* call) {
    if (plan.device.kind != DeviceKind::filesystem) return {};
    const auto& f = plan.device.as<dom::Filesystem>();
    if (!wants_server(f)) return {};
    PV_ASSIGN_OR_RETURN(plan.descriptors[socket_name(f.info.alias.name)], run->servers().start(run, f, call));
    return {};
}

namespace {

// The terminal that the emulator opened for a line.
void use_terminal(Device& device, const std::string& path) {
    if (path.empty() || device.kind == DeviceKind::redirdev || !std::holds_alternative<dom::Chardev>(device.value)) return;
    auto& c = device.as<dom::Chardev>();
    if (c.sources.empty()) c.sources.emplace_back();
    c.sources.front().path = path;
    if (device.kind == DeviceKind::console) c.tty = path;
}

void use_module(Device& device, const Json& modules) {
    auto& m = device.as<dom::MemoryDevice>();
    if (!modules.is_array() || !m.info.address || m.info.address->type != dom::AddressType::dimm) return;
    for (const Json& entry : modules) {
        const auto data = entry.find("data");
        if (data == entry.end() || text_of(*data, "id") != m.info.alias.name) continue;
        if (const auto slot = data->find("slot"); slot != data->end() && slot->is_number_unsigned()) m.info.address->slot = slot->get<std::uint32_t>();
        if (const auto at = data->find("addr"); at != data->end() && at->is_number_unsigned()) m.info.address->base = at->get<std::uint64_t>();
    }
}

} // namespace

sdk::Task<Status> learn_device(RunPtr run, std::shared_ptr<Device> device) {
    if (device->kind == DeviceKind::memory) {
        const auto modules = co_await run->qmp("query-memory-devices");
        if (modules) use_module(*device, *modules);
    }
    if (device->info() == nullptr || !std::holds_alternative<dom::Chardev>(device->value)) co_return Status{};
    const auto lines = co_await run->qmp("query-chardev");
    if (!lines || !lines->is_array()) co_return Status{};
    for (const Json& line : *lines) {
        const std::string file = text_of(line, "filename");
        if (text_of(line, "label") == "char" + device->info()->alias.name && file.starts_with("pty:")) use_terminal(*device, file.substr(4));
    }
    co_return Status{};
}

namespace {

// Of a step: descriptors, under the names that it takes them by. All of them, or nothing.
sdk::Task<Status> hand_over(RunPtr run, AttachPlanPtr plan, PlugStep step) {
    for (const std::string& name : step.descriptors) {
        if (!plan->descriptors.contains(name)) continue;
        Json arguments = Json::object();
        arguments["fdname"] = name;
        std::vector<UniqueFd> fds;
        fds.push_back(std::move(plan->descriptors.at(name)));
        PV_CO_TRY(co_await run->qmp("getfd", std::move(arguments), std::move(fds)));
    }
    co_return Status{};
}

// The emulator lets go of those that no command took, and knows nothing of those that it never got.
sdk::Task<Status> close_handed(RunPtr run, AttachPlanPtr plan, PlugStep step) {
    for (const std::string& name : step.descriptors) {
        if (!plan->descriptors.contains(name)) continue;
        Json arguments = Json::object();
        arguments["fdname"] = name;
        (void)co_await run->qmp("closefd", std::move(arguments));
    }
    co_return Status{};
}

sdk::Task<Status> take_out(RunPtr run, std::vector<PlugStep> done) {
    for (auto step = done.rbegin(); step != done.rend(); ++step) {
        if (step->undo.empty()) continue;
        if (step->undo == "device_del") {
            const std::string alias = step->undo_arguments.value("id", std::string());
            (void)co_await unplug(run->guest(), run, alias, true);
            continue;
        }
        Json arguments = step->undo_arguments;
        const auto reply = co_await run->qmp(step->undo, std::move(arguments));
        if (!reply) log::warning("devices", "domain '{}': {} cannot be undone: {}", run->guest()->name, step->command, reply.error().message);
    }
    co_return Status{};
}

} // namespace

sdk::Task<Status> plug_in(RunPtr run, AttachPlanPtr plan) {
    std::vector<PlugStep> done;
    for (const Plug& plug : plan->plugs) {
        for (const PlugStep& step : plug.steps) {
            Json arguments = step.arguments;
            const Status handed = co_await hand_over(run, plan, step);
            Result<Json> reply = handed ? Result<Json>(Json()) : Result<Json>(handed.error());
            if (reply) reply = co_await run->qmp(step.command, std::move(arguments));
            if (!reply) {
                const Error why = reply.error();
                (void)co_await close_handed(run, plan, step);
                (void)co_await take_out(run, done);
                co_return why;
            }
            if (step.command == "chardev-add") use_terminal(plan->device, text_of(*reply, "pty"));
            done.push_back(step);
        }
    }
    if (plan->device.kind != DeviceKind::memory) co_return Status{};
    const auto device = std::make_shared<Device>(plan->device);
    PV_CO_TRY(co_await learn_device(run, device));
    plan->device = *device;
    co_return Status{};
}

} // namespace polyvirt::qemu
