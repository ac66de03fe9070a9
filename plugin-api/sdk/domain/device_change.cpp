// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Devices of a document come, go and change.

#include <algorithm>

#include "sdk/domain/device.h"
#include "sdk/domain/passes/addresses.h"
#include "sdk/domain/passes/defaults.h"
#include "sdk/domain/passes/visit.h"

namespace polyvirt::sdk::domain {
namespace {

constexpr std::string_view kVerbs[] = {"attach", "detach", "update"};

Status check_kind(DeviceKind kind, DeviceVerb verb, ErrorDomain from) {
    if (in_config(kind, verb)) return {};
    return make_error(ErrorCode::operation_unsupported, from, "persistent {} of device '{}' is not supported",
                      kVerbs[static_cast<std::size_t>(verb)], element_of(kind));
}

// What a machine can have once: by target, number, name.
Status check_disk(const Domain& d, const Disk& disk, ErrorDomain from) {
    const auto& list = d.devices.disks;
    if (std::none_of(list.begin(), list.end(), [&](const Disk& x) { return x.target.dev == disk.target.dev; })) return {};
    return make_error(ErrorCode::operation_invalid, from, "target {} already exists", disk.target.dev);
}

Status check_controller(const Domain& d, const Controller& c, ErrorDomain from) {
    const auto& list = d.devices.controllers;
    if (!c.index || std::none_of(list.begin(), list.end(), [&](const Controller& x) { return x.type == c.type && x.index == c.index; }))
        return {};
    return make_error(ErrorCode::operation_invalid, from, "controller index='{}' already exists", *c.index);
}

bool is_serial_console(const Device& device) {
    const std::string& type = device.as<Chardev>().target.type;
    return device.kind == DeviceKind::console && (type.empty() || type == "serial");
}

// The guest's memory is what it has and what is plugged in.
void count_memory(Domain& d, const MemoryDevice& m, bool more) {
    const std::uint64_t kib = m.target.size.value_or(0);
    for (xml::Size* sum : {&d.memory, &d.current_memory}) {
        if (!*sum) continue;
        *sum = more ? **sum + kib : **sum - std::min(**sum, kib);
    }
}

Status check_memory(const Domain& d, const MemoryDevice& m, ErrorDomain from) {
    const std::uint64_t kib = m.target.size.value_or(0);
    if (!d.max_memory)
        return make_error(ErrorCode::config_unsupported, from, "cannot use/hotplug a memory device when domain 'maxMemory' is not defined");
    if (d.memory.value_or(0) + kib > *d.max_memory)
        return make_error(ErrorCode::operation_failed, from,
                          "Attaching memory device with size '{}' would exceed domain's maxMemory config size '{}'", kib, *d.max_memory);
    const auto slots = std::count_if(d.devices.memories.begin(), d.devices.memories.end(),
                                     [](const MemoryDevice& x) { return x.model.ends_with("dimm"); });
    if (m.model.ends_with("dimm") && static_cast<std::uint32_t>(slots) >= d.max_memory_slots.value_or(0))
        return make_error(ErrorCode::config_unsupported, from, "count of memory devices requiring memory slots '{}' exceeds slots count '{}'",
                          slots + 1, d.max_memory_slots.value_or(0));
    return {};
}

// Either the machine has an order, or its devices have.
Status check_boot(const Domain& d, const DeviceInfo& info) {
    if (!info.boot.order) return {};
    if (!d.os.boot.empty())
        return make_error(ErrorCode::config_unsupported, ErrorDomain::domain,
                          "per-device boot elements cannot be used together with os/boot elements");
    bool taken = false;
    for_each_info(const_cast<Domain&>(d), [&](const DeviceInfo& other, std::string_view) { taken |= other.boot.order == info.boot.order; });
    if (!taken) return {};
    return make_error(ErrorCode::config_unsupported, ErrorDomain::domain, "boot order {} is already used by another device", *info.boot.order);
}

} // namespace

// There already, by the rule of its kind.
static Status check_there(const Domain& d, const Device& device, ErrorDomain from) {
    switch (device.kind) {
    case DeviceKind::disk: return check_disk(d, device.as<Disk>(), from);
    case DeviceKind::controller: return check_controller(d, device.as<Controller>(), from);
    case DeviceKind::hostdev:
    case DeviceKind::shmem:
        if (!find_device(d.devices, device, from)) return {};
        return make_error(ErrorCode::operation_invalid, from, "device is already in the domain configuration");
    case DeviceKind::lease:
        if (!find_device(d.devices, device, from)) return {};
        return make_error(ErrorCode::operation_invalid, from, "Lease {} in lockspace {} already exists", device.as<Lease>().key,
                          device.as<Lease>().lockspace);
    case DeviceKind::filesystem:
        if (!find_device(d.devices, device, from)) return {};
        return make_error(ErrorCode::operation_invalid, from, "Target already exists");
    case DeviceKind::serial:
    case DeviceKind::parallel:
    case DeviceKind::console:
    case DeviceKind::channel:
        if (is_serial_console(device))
            return make_error(ErrorCode::operation_unsupported, from, "attaching serial console is not supported");
        if (device.as<Chardev>().type == ChardevType::pty || !find_device(d.devices, device, from)) return {};
        return make_error(ErrorCode::operation_invalid, from, "chardev already exists");
    case DeviceKind::memory: return check_memory(d, device.as<MemoryDevice>(), from);
    case DeviceKind::watchdog:
    case DeviceKind::vsock:
        if (count_devices(d.devices, device.kind) == 0) return {};
        return make_error(ErrorCode::operation_invalid, from, "domain already has a {}{}", element_of(device.kind),
                          device.kind == DeviceKind::vsock ? " device" : "");
    default: return {};
    }
}

Status check_attach(const Domain& d, const Device& device, ErrorDomain from) {
    PV_TRY(check_there(d, device, from));
    if (device.info() == nullptr) return {};
    const std::string& alias = device.info()->alias.name;
    if (!alias.empty() && find_alias(d.devices, alias))
        return make_error(ErrorCode::config_unsupported, ErrorDomain::domain, "non unique alias detected: {}", alias);
    return check_boot(d, *device.info());
}

Status attach_device(Domain& d, Device device, ErrorDomain from) {
    PV_TRY(check_kind(device.kind, DeviceVerb::attach, from));
    PV_TRY(check_attach(d, device, from));
    if (device.kind == DeviceKind::memory) count_memory(d, device.as<MemoryDevice>(), true);
    add_device(d.devices, std::move(device));
    return {};
}

void detach_device_at(Domain& d, DeviceRef ref) {
    if (ref.kind == DeviceKind::memory) count_memory(d, d.devices.memories[ref.index], false);
    // The first console and the first serial line are one thing.
    auto& v = d.devices;
    const bool paired = !v.serials.empty() && !v.consoles.empty() && v.consoles[0].target.type == "serial";
    remove_device(v, ref);
    if (ref.index != 0 || !paired) return;
    if (ref.kind == DeviceKind::serial) v.consoles.erase(v.consoles.begin());
    if (ref.kind == DeviceKind::console) v.serials.erase(v.serials.begin());
}

void insert_device(Domain& d, Device device) {
    const DeviceKind kind = device.kind;
    if (kind == DeviceKind::memory) count_memory(d, device.as<MemoryDevice>(), true);
    if (kind == DeviceKind::controller) {
        insert_controller(d.devices.controllers, std::move(device.as<Controller>()));
        return;
    }
    add_device(d.devices, std::move(device));
    if (kind == DeviceKind::disk) order_disks(d.devices.disks);
}

void order_as_read(Domain& d) { order_controllers(d.devices.controllers); }

Status detach_device(Domain& d, const Device& wanted, ErrorDomain from) {
    PV_TRY(check_kind(wanted.kind, DeviceVerb::detach, from));
    PV_ASSIGN_OR_RETURN(const DeviceRef ref, find_device(d.devices, wanted, from));
    detach_device_at(d, ref);
    return {};
}

Status update_device(Domain& d, Device device, ErrorDomain from) {
    PV_TRY(check_kind(device.kind, DeviceVerb::update, from));
    PV_ASSIGN_OR_RETURN(const DeviceRef ref, find_device(d.devices, device, from, DeviceVerb::update));
    // Where it sits does not change, unless it is said to.
    const DeviceInfo* old = info_at(d.devices, ref);
    if (device.info() != nullptr && old != nullptr) {
        if (!device.info()->address) device.info()->address = old->address;
        if (device.info()->alias.name.empty()) device.info()->alias = old->alias;
    }
    if (device.kind == DeviceKind::interface && !device.as<Interface>().mac.address)
        device.as<Interface>().mac = d.devices.interfaces[ref.index].mac;
    if (device.kind == DeviceKind::memory) count_memory(d, d.devices.memories[ref.index], false);
    if (device.kind == DeviceKind::memory) count_memory(d, device.as<MemoryDevice>(), true);
    replace_device(d.devices, ref, std::move(device));
    return {};
}

} // namespace polyvirt::sdk::domain
