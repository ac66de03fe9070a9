// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Addresses on buses other than PCI.
#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <tuple>

#include "base/error_text.h"
#include "sdk/domain/passes/addresses.h"

namespace polyvirt::sdk::domain {
namespace {

std::uint32_t usb_ports(const Controller& c) {
    if (c.ports) return *c.ports;
    if (c.model == "nec-xhci" || c.model == "qemu-xhci") return 4;
    if (c.model.rfind("ich9-ehci", 0) == 0 || c.model == "ehci") return 6;
    if (c.model == "none") return 0;
    return 2;
}

using UsbUse = std::map<std::uint32_t, std::set<std::string>>;

Status note_usb(UsbUse& use, const Address& a, std::string_view who) {
    if (a.type != AddressType::usb || a.port.empty()) return {};
    const bool digits = a.port.find_first_not_of("0123456789.") == std::string::npos;
    if (!digits || std::count(a.port.begin(), a.port.end(), '.') > 3)
        return make_error(ErrorCode::internal_error, ErrorDomain::device, "Cannot parse <address> 'port' attribute");
    if (!use[a.bus.value_or(0)].insert(a.port).second)
        return make_error(ErrorCode::xml_error, ErrorDomain::domain, "USB address bus='{}' port='{}' of {} is already in use",
                          a.bus.value_or(0), a.port, who);
    return {};
}

} // namespace

void assign_virtio_serial(Domain& d) {
    std::map<std::uint32_t, std::set<std::uint32_t>> use;
    auto on_virtio = [](const Chardev& c) { return c.target.type == "virtio"; };
    auto port_of = [](const Address& a) {
        std::uint32_t n = 0;
        std::from_chars(a.port.data(), a.port.data() + a.port.size(), n);
        return n;
    };
    for (const Controller& c : d.devices.controllers) {
        if (c.type == ControllerType::virtio_serial) use[c.index.value_or(0)];
    }
    for (const auto* list : {&d.devices.consoles, &d.devices.channels}) {
        for (const Chardev& c : *list) {
            if (on_virtio(c) && c.info.address && c.info.address->type == AddressType::virtio_serial)
                use[c.info.address->controller.value_or(0)].insert(port_of(*c.info.address));
        }
    }
    // Port 0 of a bus is for a console; names are not looked at.
    for (Chardev& c : d.devices.channels) {
        const bool has = c.info.address && !c.info.address->port.empty() && c.info.address->port != "0";
        if (!on_virtio(c) || has) continue;
        const bool fixed = c.info.address && c.info.address->controller.has_value();
        std::uint32_t controller = fixed ? *c.info.address->controller : 0;
        auto& ports = use[controller];
        std::uint32_t port = 1;
        while (ports.contains(port)) port++;
        ports.insert(port);
        c.info.address = Address::virtio_serial(controller, 0, port);
    }
}

Status assign_usb(Domain& d) {
    UsbUse use;
    for (const xml::Node& n : d.devices.kept) {
        const xml::Node* at = n.child("address");
        const std::string* type = at ? at->attribute("type") : nullptr;
        if (!type || *type != "usb") continue;
        const std::string* port = at->attribute("port");
        if (port) use[0].insert(*port);
    }
    auto each = [&](auto&& f) -> Status {
        for (Input& i : d.devices.inputs)
            if (i.bus == InputBus::usb) PV_TRY(f(i.info, "an input device"));
        for (Disk& x : d.devices.disks)
            if (x.target.bus == DiskBus::usb) PV_TRY(f(x.info, "a disk"));
        for (Sound& s : d.devices.sounds)
            if (s.model == "usb") PV_TRY(f(s.info, "a sound device"));
        return {};
    };
    auto controller = [&](std::uint32_t index) -> const Controller* {
        for (const Controller& c : d.devices.controllers) {
            if (c.type == ControllerType::usb && c.index == index && c.model != "none") return &c;
        }
        return nullptr;
    };
    PV_TRY(each([&](DeviceInfo& info, const char* who) -> Status {
        if (!info.address || info.address->port.empty()) return {};
        if (info.address->type == AddressType::usb && !controller(info.address->bus.value_or(0)))
            return make_error(ErrorCode::xml_error, ErrorDomain::domain,
                              "USB bus {} requested but no controller with that index is present", info.address->bus.value_or(0));
        return note_usb(use, *info.address, who);
    }));
    return each([&](DeviceInfo& info, const char* who) -> Status {
        if (info.address && !info.address->port.empty()) return {};
        for (const Controller& c : d.devices.controllers) {
            if (c.type != ControllerType::usb || (info.address && info.address->bus && info.address->bus != c.index)) continue;
            for (std::uint32_t port = 1; port <= usb_ports(c); port++) {
                if (!use[c.index.value_or(0)].insert(std::to_string(port)).second) continue;
                info.address = Address::usb(c.index.value_or(0), std::to_string(port));
                return {};
            }
        }
        return make_error(ErrorCode::config_unsupported, ErrorDomain::domain,
                          "No free USB ports for {}: give a USB controller with more ports", who);
    });
}

Status check_drives(Domain& d) {
    std::map<std::tuple<DiskBus, std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>, const Disk*> use;
    for (const Disk& disk : d.devices.disks) {
        if (!disk.info.address || disk.info.address->type != AddressType::drive) continue;
        const Address& a = *disk.info.address;
        const auto key = std::tuple(disk.target.bus, a.controller.value_or(0), a.bus.value_or(0), a.target.value_or(0),
                                    a.unit.value_or(0));
        if (use.emplace(key, &disk).second) continue;
        return make_error(ErrorCode::config_unsupported, ErrorDomain::domain,
                          "Found duplicate drive address for disk with target name '{}' controller='{}' bus='{}' "
                          "target='{}' unit='{}'", disk.target.dev, a.controller.value_or(0), a.bus.value_or(0),
                          a.target.value_or(0), a.unit.value_or(0));
    }
    return {};
}

} // namespace polyvirt::sdk::domain
