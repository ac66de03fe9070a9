// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Controllers and disks.

#include <array>
#include <set>

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
    {"ich9-uhci3", "ich9-usb-uhci3"}, {"vt82c686b-uhci", "vt82c686b-usb-uhci"}, {"pci-ohci", "pci-ohci"},
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
    return Builder::unsupported("{} controller model '{}' is not supported by this version", name(c.type), c.model);
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
    Options o{{"driver", driver}, {"id", c.info.alias.name}};
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
        o = {{"driver", "virtio-serial-pci"}, {"id", c.info.alias.name}};
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
        o = {{"driver", "isa-fdc"}, {"id", c.info.alias.name}};
        break;
    case ControllerType::ccid: o = {{"driver", "usb-ccid"}, {"id", c.info.alias.name}}; break;
    default: return no_model(c);
    }
    b.add_pci(o, c.info);
    b.add_usb(o, c.info);
    b.device(o);
    return {};
}

// --- disks ---

Options cache_of(const Disk& disk) {
    switch (disk.driver.cache) {
    case DiskCache::none:
    case DiskCache::directsync: return {{"direct", true}, {"no-flush", false}};
    case DiskCache::writethrough:
    case DiskCache::writeback: return {{"direct", false}, {"no-flush", false}};
    case DiskCache::unsafe: return {{"direct", false}, {"no-flush", true}};
    default: return nullptr;
    }
}

Status blockdev(Builder& b, const Disk& disk, const std::string& storage, const std::string& format) {
    const std::string& path = disk.type == DiskType::block ? disk.source->dev : disk.source->file;
    const std::string type = disk.driver.type.empty() ? "raw" : disk.driver.type;
    constexpr std::array<std::string_view, 6> kFormats{"raw", "qcow2", "qcow", "vmdk", "vdi", "vpc"};
    if (std::find(kFormats.begin(), kFormats.end(), type) == kFormats.end())
        return Builder::unsupported("disk '{}': the image format '{}' is not supported by this version", disk.target.dev, type);
    Options file{{"driver", disk.type == DiskType::block ? "host_device" : "file"}, {"filename", path}};
    if (disk.driver.io == DiskIo::native) file["aio"] = "native";
    if (disk.driver.io == DiskIo::threads) file["aio"] = "threads";
    if (disk.driver.io == DiskIo::io_uring) file["aio"] = "io_uring";
    file["node-name"] = storage;
    const Options cache = cache_of(disk);
    if (!cache.is_null()) file["cache"] = cache;
    file["auto-read-only"] = true;
    file["discard"] = "unmap";
    b.json("-blockdev", file);
    Options image{{"node-name", format}, {"read-only", disk.readonly}};
    if (disk.driver.discard == DiscardPolicy::unmap) image["discard"] = "unmap";
    if (disk.driver.detect_zeroes == DetectZeroes::on) image["detect-zeroes"] = "on";
    if (disk.driver.detect_zeroes == DetectZeroes::unmap) image["detect-zeroes"] = "unmap";
    if (!cache.is_null()) image["cache"] = cache;
    image["driver"] = type;
    image["file"] = storage;
    b.json("-blockdev", image);
    return {};
}

// The device's driver and where it is plugged in.
Result<Options> disk_device(const Builder& b, const Disk& disk) {
    const bool cdrom = disk.device == DiskDevice::cdrom;
    const Address* a = disk.info.address ? &*disk.info.address : nullptr;
    const std::uint32_t index = a != nullptr ? a->controller.value_or(0) : 0;
    const auto controller = [&](ControllerType type) -> std::string {
        for (const auto& c : b.domain.devices.controllers) {
            if (c.type == type && c.index == index) return c.info.alias.name;
        }
        return std::string(name(type)) + std::to_string(index);
    };
    Options o;
    switch (disk.target.bus) {
    case DiskBus::virtio:
        o["driver"] = "virtio-blk-pci";
        b.add_pci(o, disk.info);
        return o;
    case DiskBus::ide:
        o = {{"driver", cdrom ? "ide-cd" : "ide-hd"},
             {"bus", fmt::format("{}.{}", controller(ControllerType::ide), a != nullptr ? a->bus.value_or(0) : 0)},
             {"unit", a != nullptr ? a->unit.value_or(0) : 0}};
        return o;
    case DiskBus::sata:
        o = {{"driver", cdrom ? "ide-cd" : "ide-hd"},
             {"bus", fmt::format("{}.{}", controller(ControllerType::sata), a != nullptr ? a->unit.value_or(0) : 0)}};
        return o;
    case DiskBus::scsi:
        o = {{"driver", cdrom ? "scsi-cd" : "scsi-hd"},
             {"bus", fmt::format("{}.0", controller(ControllerType::scsi))},
             {"channel", 0},
             {"scsi-id", a != nullptr ? a->target.value_or(0) : 0},
             {"lun", a != nullptr ? a->unit.value_or(0) : 0}};
        return o;
    case DiskBus::usb:
        o["driver"] = "usb-storage";
        b.add_usb(o, disk.info);
        return o;
    case DiskBus::fdc:
        o = {{"driver", "floppy"}, {"unit", a != nullptr ? a->unit.value_or(0) : 0}};
        return o;
    default:
        return Builder::unsupported("disk '{}': bus '{}' is not supported by this version", disk.target.dev,
                                    name(disk.target.bus));
    }
}

Status disk_source(const Disk& disk) {
    if (disk.type == DiskType::file || disk.type == DiskType::block) return {};
    return Builder::unsupported("disk '{}': a source of type '{}' is not supported by this version", disk.target.dev,
                                name(disk.type));
}

} // namespace

Status add_controllers(Builder& b) {
    for (const Controller& c : b.domain.devices.controllers) PV_TRY(controller(b, c));
    return {};
}

Status add_disks(Builder& b) {
    // Named as the peer's tools know them: counted from the last disk to the first.
    std::size_t number = b.domain.devices.disks.size();
    std::set<BootDevice> seen;
    for (const Disk& disk : b.domain.devices.disks) {
        const std::string storage = fmt::format("libvirt-{}-storage", number);
        const std::string format = fmt::format("libvirt-{}-format", number--);
        const bool has_source = disk.source && !(disk.source->file.empty() && disk.source->dev.empty());
        if (disk.source && !has_source) PV_TRY(disk_source(disk));
        if (has_source) {
            PV_TRY(disk_source(disk));
            PV_TRY(blockdev(b, disk, storage, format));
        } else if (disk.device != DiskDevice::cdrom && disk.device != DiskDevice::floppy) {
            return Builder::unsupported("disk '{}' has no source", disk.target.dev);
        }
        PV_ASSIGN_OR_RETURN(Options o, disk_device(b, disk));
        if (has_source) o["drive"] = format;
        o["id"] = disk.info.alias.name;
        const BootDevice kind = disk.device == DiskDevice::cdrom    ? BootDevice::cdrom
                                : disk.device == DiskDevice::floppy ? BootDevice::fd
                                                                    : BootDevice::hd;
        b.add_boot(o, disk.info, kind, seen.insert(kind).second);
        if (disk.driver.cache == DiskCache::writethrough || disk.driver.cache == DiskCache::directsync)
            o["write-cache"] = "off";
        else if (disk.driver.cache != DiskCache::unset && disk.driver.cache != DiskCache::default_)
            o["write-cache"] = "on";
        if (disk.shareable) o["share-rw"] = true;
        if (!disk.serial.empty()) o["serial"] = disk.serial;
        b.device(o);
    }
    return {};
}

} // namespace polyvirt::qemu
