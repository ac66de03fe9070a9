// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Devices of the host: PCI, USB, SCSI, mediated; and USB devices of who looks at the guest.

#include <algorithm>
#include <charconv>
#include <iterator>

#include "command/blockdev.h"
#include "hostdev/scsi.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

Error lacks(const Hostdev& h, std::string_view what) {
    return Builder::unsupported("host device '{}' has no {}", h.info.alias.name, what);
}

Result<Options> pci(const Builder& b, const Hostdev& h) {
    if (!h.source.address) return lacks(h, "address");
    if (h.driver.empty() && b.context.sketch && b.context.host != nullptr && !b.context.host->exists("/dev/vfio/vfio"))
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
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "USB host device is missing bus/device information");
    Options o{{"driver", "usb-host"},
              {"hostdevice", fmt::format("/dev/bus/usb/{:03}/{:03}", *a->bus, *a->device)},
              {"id", h.info.alias.name}};
    const std::string& reset = h.source.guest_reset;
    if (!reset.empty()) o["guest-reset"] = reset != "off";
    if (!reset.empty() && reset != "off") o["guest-resets-all"] = reset == "on";
    return o;
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

// Its node goes before the device.
Result<Options> scsi_device(Builder& b, const Hostdev& h) {
    if (h.sgio == "unfiltered")
        return make_error(ErrorCode::operation_invalid, ErrorDomain::none, "unpriv_sgio is not supported by this kernel");
    if (h.rawio == "yes")
        return Builder::unsupported("host device '{}': rawio='yes' is not supported by this version: emulators have no capabilities", h.info.alias.name);
    Options node;
    if (is_iscsi(h)) {
        if (h.source.auth) return Builder::unsupported("host device '{}': secrets are not supported by this version", h.info.alias.name);
        DiskSource source;
        source.protocol = h.source.protocol;
        source.name = h.source.name;
        source.hosts = h.source.hosts;
        source.initiator = h.source.initiator_iqn;
        PV_ASSIGN_OR_RETURN(node, storage("host device '" + h.info.alias.name + "'", {DiskType::network, &source, {}}, false));
    } else {
        std::string path;
        if (b.context.host != nullptr && b.context.host->scsi_node) {
            PV_ASSIGN_OR_RETURN(path, b.context.host->scsi_node(h));
        }
        node = {{"driver", "host_device"}, {"filename", path}};
    }
    const std::string name = fmt::format("libvirt-{}-backend", h.info.alias.name);
    node["node-name"] = name;
    node["read-only"] = h.readonly;
    b.json("-blockdev", node);
    Options o{{"driver", "scsi-generic"}, {"drive", name}, {"id", h.info.alias.name}};
    b.add_scsi(o, h.info);
    if (h.shareable) o["share-rw"] = true;
    return o;
}

Result<Options> vhost_scsi(const Builder& b, const Hostdev& h) {
    if (b.context.host != nullptr && b.context.host->exists && !b.context.host->exists(kVhostScsi))
        return make_error(ErrorCode::config_unsupported, ErrorDomain::none, "vhost-scsi device file '{}' cannot be found", kVhostScsi);
    std::string fd = "0";
    if (b.context.open_device) {
        PV_ASSIGN_OR_RETURN(fd, b.context.open_device(kVhostScsi, h.info.alias.name));
    }
    return Options{{"driver", Builder::virtio_driver("vhost-scsi", h.model)}, {"wwpn", h.source.wwpn}, {"vhostfd", fd}, {"id", h.info.alias.name}};
}

struct HostdevRow {
    const char* type;
    Result<Options> (*make)(Builder& b, const Hostdev& h);
};
constexpr HostdevRow kHostdevs[] = {
    {"pci", [](Builder& b, const Hostdev& h) { return pci(b, h); }},
    {"usb", [](Builder&, const Hostdev& h) { return usb(h); }},
    {"mdev", [](Builder&, const Hostdev& h) { return mediated(h); }},
    {"scsi", scsi_device},
    {"scsi_host", [](Builder& b, const Hostdev& h) { return vhost_scsi(b, h); }},
};

Status check_hostdev(const Hostdev& h) {
    if (h.mode != "subsystem")
        return Builder::unsupported("hostdev mode '{}' not supported by the emulator", h.mode);
    if (h.source.write_filtering != YesNo::unset)
        return Builder::unsupported("Write filtering PCI device configuration space is not supported by qemu");
    return {};
}

Status hostdev(Builder& b, const Hostdev& h) {
    // Kept for the guest, but not plugged in; or not there, and the guest has leave to start without.
    if (h.info.address && h.info.address->type == AddressType::unassigned) return {};
    if (h.source.missing == YesNo::yes) return {};
    PV_TRY(check_hostdev(h));
    const auto* const row = std::find_if(std::begin(kHostdevs), std::end(kHostdevs), [&h](const HostdevRow& r) { return h.type == r.type; });
    if (row == std::end(kHostdevs))
        return Builder::unsupported("host device '{}': type '{}' is not supported by this version", h.info.alias.name, h.type);
    PV_ASSIGN_OR_RETURN(Options o, row->make(b, h));
    if (h.info.boot.order) o["bootindex"] = *h.info.boot.order;
    b.add_pci(o, h.info);
    b.add_usb(o, h.info);
    if (h.teaming && h.teaming->type == "transient") o["failover_pair_id"] = h.teaming->persistent;
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
