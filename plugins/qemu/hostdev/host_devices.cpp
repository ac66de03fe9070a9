// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "hostdev/host_devices.h"

#include "base/log.h"
#include "hostdev/mdev.h"
#include "hostdev/pci.h"
#include "hostdev/scsi.h"
#include "hostdev/usb.h"

namespace polyvirt::qemu {

using sdk::domain::Hostdev;

Status HostDevices::find(Hostdev& h, bool booting) const {
    if (h.mode != "subsystem") return {};
    if (h.type == "pci") {
        PV_TRY(check_vfio(*host_, h.driver, load_));
        h.driver = "vfio";
    }
    const std::string& policy = h.source.startup_policy;
    return h.type == "usb" ? find_usb(*host_, h, policy != "optional" && (policy != "requisite" || booting), !booting) : Status();
}

Result<HeldDevice> HostDevices::look_at(const Hostdev& h) const {
    if (h.type == "usb") return held_usb(h);
    if (h.type == "pci") return held_pci(*host_, h.source.address.value_or(sdk::domain::HostAddress{}), h.managed == sdk::domain::YesNo::yes);
    if (h.type == "mdev") return held_mdev(*host_, h);
    if (h.type == "scsi") {
        if (!host_->exists("/sys/class/scsi_generic")) load_("sg");
        return held_scsi(*host_, h);
    }
    if (!host_->exists(kVhostScsi)) load_("vhost_scsi");
    return held_scsi_host(*host_, h);
}

Result<std::vector<HeldDevice>> HostDevices::look_at(const sdk::domain::Devices& devices) const {
    std::vector<HeldDevice> out;
    for (const Hostdev& h : devices.hostdevs) {
        if (h.mode != "subsystem" || h.source.missing == sdk::domain::YesNo::yes || is_iscsi(h)) continue;
        PV_ASSIGN_OR_RETURN(HeldDevice held, look_at(h));
        held.alias = h.info.alias.name;
        out.push_back(std::move(held));
    }
    for (const sdk::domain::Interface& i : devices.interfaces) {
        if (!is_function(i)) continue;
        const Hostdev h = hostdev_of(i);
        PV_TRY(check_vfio(*host_, h.driver, load_));
        PV_ASSIGN_OR_RETURN(HeldDevice held, look_at(h));
        PV_TRY(note_function(*host_, cards_, i, held));
        held.alias = h.info.alias.name;
        out.push_back(std::move(held));
    }
    return out;
}

// Nobody else may have one of a group while a guest has another.
Status HostDevices::check_groups(const std::string& guest, const std::vector<HeldDevice>& devices) const {
    std::vector<std::string> names;
    for (const HeldDevice& d : devices)
        if (d.kind == HostKind::pci) names.push_back(d.name);
    for (const std::string& name : names) {
        for (const std::string& other : others_of_group(*host_, name)) {
            const std::string holder = holdings_.holder(HostKind::pci, other);
            if (!holder.empty() && holder != guest) return in_use(HostKind::pci, other, holder);
        }
        PV_TRY(check_group(*host_, name, names));
    }
    return {};
}

Result<std::vector<HeldDevice>> HostDevices::reserve(const std::string& guest, const sdk::domain::Devices& devices) {
    PV_ASSIGN_OR_RETURN(const std::vector<HeldDevice> seen, look_at(devices));
    PV_TRY(holdings_.take(guest, seen));
    // Whoever had one may have been just about to give it back; from here on nothing of them changes.
    auto held = look_at(devices);
    Status taken = held ? check_groups(guest, *held) : Status(held.error());
    if (taken) return held;
    holdings_.release(guest, seen);
    return taken.error();
}

Status HostDevices::apply(const std::vector<HeldDevice>& devices) const {
    for (const HeldDevice& d : devices)
        if (d.kind == HostKind::pci) PV_TRY(bind_to_vfio(*host_, d));
    for (const HeldDevice& d : devices) PV_TRY(set_function_up(cards_, d));
    return {};
}

void HostDevices::give_back(const std::string& guest, const std::vector<HeldDevice>& devices) {
    for (const HeldDevice& d : devices) {
        // Another guest may have had it since, if this is asked for twice.
        if (d.kind != HostKind::pci || holdings_.holder(d.kind, d.name) != guest) continue;
        if (const Status back = restore_function(cards_, d); !back) log::warning("hostdev", "PCI device {}: {}", d.name, back.error().message);
        if (const Status back = give_pci_back(*host_, d); !back)
            log::warning("hostdev", "PCI device {} is not given back to the driver '{}': {}", d.name, d.driver, back.error().message);
    }
    holdings_.release(guest, devices);
}

} // namespace polyvirt::qemu
