// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Devices of the host: PCI, USB, SCSI, mediated; and USB devices of who looks at the guest.

#include <algorithm>
#include <charconv>

#include "command/builder.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

Error lacks(const Hostdev& h, std::string_view what) {
    return Builder::unsupported("host device '{}' has no {}", h.info.alias.name, what);
}

Result<Options> pci(const Builder& b, const Hostdev& h) {
    if (!h.source.address) return lacks(h, "address");
    if (h.driver.empty() && b.context.host != nullptr && !b.context.host->exists("/dev/vfio/vfio"))
        return Builder::unsupported("host device '{}': this host cannot pass PCI devices through, it has no /dev/vfio/vfio",
                                    h.info.alias.name);
    const HostAddress& a = *h.source.address;
    return Options{{"driver", "vfio-pci"},
                   {"host", fmt::format("{:04x}:{:02x}:{:02x}.{:x}", a.domain.value_or(0), a.bus.value_or(0), a.slot.value_or(0),
                                        a.function.value_or(0))},
                   {"id", h.info.alias.name}};
}

Result<Options> usb(const Hostdev& h) {
    const HostAddress* a = h.source.address ? &*h.source.address : nullptr;
    if (a == nullptr || !a->bus || !a->device)
        return Builder::unsupported("host device '{}': finding a USB device by vendor and product is not supported by this version",
                                    h.info.alias.name);
    return Options{{"driver", "usb-host"},
                   {"hostdevice", fmt::format("/dev/bus/usb/{:03}/{:03}", *a->bus, *a->device)},
                   {"id", h.info.alias.name}};
}

Result<Options> mediated(const Hostdev& h) {
    if (!h.source.address || h.source.address->uuid.empty()) return lacks(h, "uuid");
    const bool ramfb = h.ramfb == "on";
    Options o{{"driver", h.model == "vfio-pci" && ramfb ? "vfio-pci-nohotplug" : h.model},
              {"id", h.info.alias.name},
              {"sysfsdev", "/sys/bus/mdev/devices/" + h.source.address->uuid}};
    if (h.model == "vfio-pci") o["display"] = h.display.empty() ? "off" : h.display;
    if (ramfb) o["ramfb"] = true;
    return o;
}

Status hostdev(Builder& b, const Hostdev& h) {
    // Kept for the guest, but not plugged in.
    if (h.info.address && h.info.address->type == AddressType::unassigned) return {};
    if (h.mode != "subsystem")
        return Builder::unsupported("hostdev mode '{}' not supported by the emulator", h.mode);
    if (!b.context.sketch)
        return Builder::unsupported("host device '{}': type '{}' is not supported by this version", h.info.alias.name, h.type);
    Result<Options> made = Builder::unsupported("host device '{}': type '{}' is not supported by this version", h.info.alias.name, h.type);
    if (h.type == "pci") made = pci(b, h);
    if (h.type == "usb") made = usb(h);
    if (h.type == "mdev") made = mediated(h);
    if (!made) return made.error();
    Options o = *made;
    if (h.info.boot.order) o["bootindex"] = *h.info.boot.order;
    b.add_pci(o, h.info);
    b.add_usb(o, h.info);
    Builder::add_rom(o, h.rom);
    b.device(o);
    return {};
}

// "9.4" and "9.40" are the version 0x0940.
std::string usb_version(const std::string& text) {
    const std::size_t dot = text.find('.');
    if (text.empty() || text == "-1" || dot == std::string::npos) return "-1";
    const std::string minor = text.substr(dot + 1);
    return fmt::format("0x{:0>2}{:0<2}", text.substr(0, dot), minor);
}

std::string filter(const RedirFilter& f) {
    std::string out;
    const auto or_any = [](const std::string& s) { return s.empty() ? std::string("-1") : s; };
    for (const RedirFilterRule& r : f.rules) {
        if (!out.empty()) out += '|';
        out += fmt::format("{}:{}:{}:{}:{}", or_any(r.class_), or_any(r.vendor), or_any(r.product), usb_version(r.version),
                           r.allow == YesNo::yes ? 1 : 0);
    }
    return out;
}

} // namespace

Status add_one(Builder& b, const Redirdev& r) {
    const auto found = std::find(std::begin(kChardevTypes), std::end(kChardevTypes), r.type);
    if (found == std::end(kChardevTypes))
        return Builder::unsupported("redirdev '{}': no character device of type '{}'", r.info.alias.name, r.type);
    const std::string chardev = "char" + r.info.alias.name;
    const auto type = static_cast<ChardevType>(found - std::begin(kChardevTypes));
    const std::string_view name = type == ChardevType::dbus ? "org.qemu.usbredir" : "usbredir";
    PV_TRY(b.chardev(chardev, type, r.sources, r.protocol, name, {}));
    Options o{{"driver", "usb-redir"}, {"chardev", chardev}, {"id", r.info.alias.name}};
    const auto& rules = b.domain.devices.redir_filter;
    if (rules && !rules->rules.empty()) o["filter"] = filter(*rules);
    if (r.info.boot.order) o["bootindex"] = *r.info.boot.order;
    b.add_usb(o, r.info);
    b.device(o);
    return {};
}

Status add_one(Builder& b, const Hostdev& h) { return hostdev(b, h); }

Status add_redirdevs(Builder& b) {
    for (const Redirdev& r : b.domain.devices.redirdevs) PV_TRY(add_one(b, r));
    return {};
}

Status add_hostdevs(Builder& b) {
    for (const Hostdev& h : b.domain.devices.hostdevs) PV_TRY(hostdev(b, h));
    return {};
}

} // namespace polyvirt::qemu
