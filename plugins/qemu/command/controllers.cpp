// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Controllers.

#include <algorithm>

#include "command/builder.h"
#include "sdk/domain/passes.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

struct ModelDriver {
    std::string_view model, driver;
};

constexpr ModelDriver kUsbDrivers[] = {
    {"piix3-uhci", "piix3-usb-uhci"}, {"piix4-uhci", "piix4-usb-uhci"}, {"ehci", "usb-ehci"},
    {"ich9-ehci1", "ich9-usb-ehci1"}, {"ich9-uhci1", "ich9-usb-uhci1"}, {"ich9-uhci2", "ich9-usb-uhci2"},
    {"ich9-uhci3", "ich9-usb-uhci3"}, {"pci-ohci", "pci-ohci"},
    {"nec-xhci", "nec-usb-xhci"},     {"qemu-xhci", "qemu-xhci"}};
constexpr ModelDriver kScsiDrivers[] = {
    {"lsilogic", "lsi"},        {"lsisas1068", "mptsas1068"}, {"lsisas1078", "megasas"}, {"virtio-scsi", "virtio-scsi-pci"},
    {"virtio-transitional", "virtio-scsi-pci-transitional"},  {"virtio-non-transitional", "virtio-scsi-pci-non-transitional"},
    {"vmpvscsi", "pvscsi"},     {"am53c974", "am53c974"},     {"dc390", "dc-390"},       {"ncr53c90", "ncr53c90"}};
constexpr ModelDriver kPciDrivers[] = {{"pci-bridge", "pci-bridge"},
                                       {"dmi-to-pci-bridge", "i82801b11-bridge"},
                                       {"pcie-root-port", "pcie-root-port"},
                                       {"pcie-switch-upstream-port", "x3130-upstream"},
                                       {"pcie-switch-downstream-port", "xio3130-downstream"},
                                       {"pcie-expander-bus", "pxb-pcie"},
                                       {"pci-expander-bus", "pxb"},
                                       {"pcie-to-pci-bridge", "pcie-pci-bridge"}};

template <std::size_t N> std::string driver_of(const ModelDriver (&table)[N], std::string_view model) {
    for (const auto& row : table) {
        if (row.model == model) return std::string(row.driver);
    }
    return {};
}

Error no_model(const Controller& c) {
    if (c.type == ControllerType::usb) return Builder::unsupported("USB controller model '{}' not supported in this QEMU binary", c.model);
    if (c.type == ControllerType::scsi) return Builder::unsupported("Unsupported controller model: {}", c.model);
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "{} controller model '{}' has no place in this machine", name(c.type), c.model);
}

Status usb_controller(Builder& b, const Controller& c) {
    if (c.model == "none") return {};
    const std::string driver = driver_of(kUsbDrivers, c.model);
    if (driver.empty()) return no_model(c);
    Options o{{"driver", driver}};
    // Companions hang on the EHCI controller of their index, which alone carries the bus's name.
    if (c.master.startport) {
        std::string bus = c.info.alias.name;
        for (const auto& main : b.domain.devices.controllers) {
            if (main.type == ControllerType::usb && main.index == c.index && !main.master.startport)
                bus = main.info.alias.name;
        }
        o["masterbus"] = bus + ".0";
        o["firstport"] = *c.master.startport;
    } else {
        if (c.ports) {
            o["p2"] = *c.ports;
            o["p3"] = *c.ports;
        }
        o["id"] = c.info.alias.name;
    }
    b.add_pci(o, c.info);
    b.device(o);
    return {};
}

Status scsi_controller(Builder& b, const Controller& c) {
    const std::string driver = driver_of(kScsiDrivers, c.model);
    if (driver.empty()) return no_model(c);
    Options o{{"driver", driver}};
    if (c.driver.iothread) o["iothread"] = fmt::format("iothread{}", *c.driver.iothread);
    Builder::add_virtio(o, c.driver.virtio);
    o["id"] = c.info.alias.name;
    if (c.driver.ioeventfd != OnOff::unset) o["ioeventfd"] = c.driver.ioeventfd == OnOff::on;
    if (c.driver.queues) o["num_queues"] = *c.driver.queues;
    if (c.driver.cmd_per_lun) o["cmd_per_lun"] = *c.driver.cmd_per_lun;
    if (c.driver.max_sectors) o["max_sectors"] = *c.driver.max_sectors;
    b.add_pci(o, c.info);
    b.device(o);
    return {};
}

Status pci_controller(Builder& b, const Controller& c) {
    if (c.model == "pci-root" || c.model == "pcie-root") return {}; // the board's own
    const std::string driver = c.pci_model_name.empty() ? driver_of(kPciDrivers, c.model) : c.pci_model_name;
    if (driver.empty()) return no_model(c);
    Options o{{"driver", driver}};
    if (c.target.port) o["port"] = *c.target.port;
    if (c.target.chassis) o["chassis"] = *c.target.chassis;
    if (c.target.chassis_nr) o["chassis_nr"] = *c.target.chassis_nr;
    if (c.target.bus_nr) o["bus_nr"] = *c.target.bus_nr;
    if (c.target.node) o["numa_node"] = *c.target.node;
    if (c.target.hotplug == OnOff::off) o["hotplug"] = false;
    o["id"] = c.info.alias.name;
    b.add_pci(o, c.info);
    b.device(o);
    return {};
}

Status controller(Builder& b, const Controller& c) {
    const Chipset chipset = chipset_of(b.domain);
    Options o;
    switch (c.type) {
    case ControllerType::pci: return pci_controller(b, c);
    case ControllerType::usb: return usb_controller(b, c);
    case ControllerType::scsi: return scsi_controller(b, c);
    case ControllerType::virtio_serial:
        o["driver"] = Builder::virtio_driver("virtio-serial", c.model);
        Builder::add_virtio(o, c.driver.virtio);
        o["id"] = c.info.alias.name;
        if (c.ports) o["max_ports"] = *c.ports;
        if (c.vectors) o["vectors"] = *c.vectors;
        break;
    case ControllerType::sata:
        if (chipset == Chipset::q35 && c.index.value_or(0) == 0) return {}; // the board's own
        o = {{"driver", "ahci"}, {"id", c.info.alias.name}};
        break;
    case ControllerType::ide:
        if (chipset == Chipset::i440fx && c.index.value_or(0) == 0) return {};
        return Builder::unsupported("Only a single IDE controller is supported for this machine type");
    case ControllerType::fdc:
        if (chipset == Chipset::i440fx && c.index.value_or(0) == 0) return {};
        return {}; // with the drives that boot from it
    case ControllerType::ccid: o = {{"driver", "usb-ccid"}, {"id", c.info.alias.name}}; break;
    default: return no_model(c);
    }
    b.add_pci(o, c.info);
    b.add_usb(o, c.info);
    b.device(o);
    return {};
}

} // namespace

Status add_one(Builder& b, const Controller& c) { return controller(b, c); }

// Drives know their place in the order of boot from their controller.
void add_floppy_boot(Builder& b) {
    const Chipset chipset = chipset_of(b.domain);
    std::vector<std::pair<std::string, std::uint32_t>> orders;
    bool any = false;
    for (const Disk& disk : b.domain.devices.disks) {
        if (disk.target.bus != DiskBus::fdc) continue;
        const std::uint32_t unit = disk.info.address ? disk.info.address->unit.value_or(0) : 0;
        Options probe = Options::object();
        b.add_boot(probe, disk.info, BootDevice::fd, !any);
        any = true;
        if (probe.contains("bootindex")) orders.emplace_back(unit == 0 ? "bootindexA" : "bootindexB", probe["bootindex"].get<std::uint32_t>());
    }
    const bool controller = std::any_of(b.domain.devices.controllers.begin(), b.domain.devices.controllers.end(),
                                        [](const Controller& c) { return c.type == ControllerType::fdc; });
    if (chipset == Chipset::i440fx) {
        for (const auto& [option, order] : orders) b.arg("-global", fmt::format("isa-fdc.{}={}", option, order));
    } else if (controller) {
        Options o{{"driver", "isa-fdc"}};
        for (const auto& [option, order] : orders) o[option] = order;
        b.device(o);
    }
}

void add_pci_hole(Builder& b) {
    for (const Controller& c : b.domain.devices.controllers) {
        if (c.type != ControllerType::pci || c.index != 0u || !c.pcihole64) continue;
        const std::string_view host = chipset_of(b.domain) == Chipset::q35 ? "q35-pcihost" : "i440FX-pcihost";
        b.arg("-global", fmt::format("{}.pci-hole64-size={}K", host, *c.pcihole64));
    }
}

Status add_controllers(Builder& b) {
    add_pci_hole(b);
    // The order in which the emulator makes them: buses before what is on them.
    constexpr ControllerType kOrder[] = {ControllerType::pci,  ControllerType::usb,           ControllerType::scsi,
                                         ControllerType::ide,  ControllerType::sata,          ControllerType::virtio_serial,
                                         ControllerType::unset, ControllerType::ccid, ControllerType::xenbus,
                                         ControllerType::isa};
    for (const ControllerType type : kOrder) {
        if (type == ControllerType::unset) add_hubs(b); // card readers may hang on them
        for (const Controller& c : b.domain.devices.controllers) {
            if (c.type == type) PV_TRY(controller(b, c));
        }
    }
    add_floppy_boot(b);
    return {};
}

} // namespace polyvirt::qemu
