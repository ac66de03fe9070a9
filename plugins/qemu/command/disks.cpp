// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Disks as devices.

#include <algorithm>
#include <charconv>
#include <set>

#include "command/blockdev.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

struct Place {
    std::uint32_t controller = 0, bus = 0, target = 0, unit = 0;
};
Place place_of(const DeviceInfo& info) {
    if (!info.address) return {};
    const Address& a = *info.address;
    return {a.controller.value_or(0), a.bus.value_or(0), a.target.value_or(0), a.unit.value_or(0)};
}

const Controller* scsi_controller(const Builder& b, std::uint32_t index) {
    for (const Controller& c : b.domain.devices.controllers) {
        if (c.type == ControllerType::scsi && c.index == index) return &c;
    }
    return nullptr;
}

void virtio_options(Options& o, const DiskDriver& d) {
    if (d.iothread) o["iothread"] = fmt::format("iothread{}", *d.iothread);
    if (d.ioeventfd != OnOff::unset) o["ioeventfd"] = d.ioeventfd == OnOff::on;
    if (d.event_idx != OnOff::unset) o["event_idx"] = d.event_idx == OnOff::on;
    if (d.queues) o["num-queues"] = *d.queues;
    if (d.queue_size) o["queue-size"] = *d.queue_size;
    Builder::add_virtio(o, d.virtio);
}

// Controllers that have one target for each disk count them without unit.
bool target_only(const Controller* c) {
    return c == nullptr || c->model == "lsilogic" || c->model.empty() || c->model == "am53c974" || c->model == "dc390" ||
           c->model == "ncr53c90";
}

} // namespace

void Builder::add_scsi(Options& o, const DeviceInfo& info) const {
    const Place p = place_of(info);
    o["bus"] = controller(ControllerType::scsi, p.controller) + ".0";
    if (target_only(scsi_controller(*this, p.controller))) {
        o["scsi-id"] = p.unit;
        return;
    }
    o["channel"] = 0;
    o["scsi-id"] = p.target;
    o["lun"] = p.unit;
}

namespace {

Options scsi(const Builder& b, const Disk& disk) {
    const bool cdrom = disk.device == DiskDevice::cdrom;
    Options o{{"driver", disk.device == DiskDevice::lun ? "scsi-block" : cdrom ? "scsi-cd" : "scsi-hd"}};
    b.add_scsi(o, disk.info);
    if (disk.device != DiskDevice::lun) o["device_id"] = disk.serial.empty() ? "drive-" + disk.info.alias.name : disk.serial;
    return o;
}

// The device's driver and where it is plugged in.
Result<Options> device(const Builder& b, const Disk& disk) {
    const bool cdrom = disk.device == DiskDevice::cdrom;
    const Place p = place_of(disk.info);
    Options o;
    switch (disk.target.bus) {
    case DiskBus::virtio:
        o["driver"] = Builder::virtio_driver("virtio-blk", disk.model);
        virtio_options(o, disk.driver);
        b.add_pci(o, disk.info);
        return o;
    case DiskBus::ide:
        return Options{{"driver", cdrom ? "ide-cd" : "ide-hd"},
                       {"bus", fmt::format("{}.{}", b.controller(ControllerType::ide, p.controller), p.bus)},
                       {"unit", p.unit}};
    case DiskBus::sata:
        return Options{{"driver", cdrom ? "ide-cd" : "ide-hd"},
                       {"bus", fmt::format("{}.{}", b.controller(ControllerType::sata, p.controller), p.unit)}};
    case DiskBus::scsi: return scsi(b, disk);
    case DiskBus::usb:
        o["driver"] = "usb-storage";
        b.add_usb(o, disk.info);
        o["removable"] = disk.target.removable == OnOff::on;
        return o;
    case DiskBus::fdc: return Options{{"driver", "floppy"}, {"unit", p.unit}};
    default:
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "unsupported disk bus '{}' with device setup", name(disk.target.bus));
    }
}

void policies(Options& o, const Disk& disk) {
    const auto text = [](ErrorPolicy p) { return p == ErrorPolicy::enospace ? std::string_view("enospc") : name(p); };
    const ErrorPolicy w = disk.driver.error_policy, r = disk.driver.rerror_policy;
    if (w != ErrorPolicy::unset && w != ErrorPolicy::default_) o["werror"] = text(w);
    if (r != ErrorPolicy::unset && r != ErrorPolicy::default_) o["rerror"] = text(r);
    else if (w == ErrorPolicy::stop || w == ErrorPolicy::ignore || w == ErrorPolicy::report) o["rerror"] = text(w);
}

void figures(Options& o, const Disk& disk) {
    std::uint64_t wwn = 0;
    const std::size_t skip = disk.wwn.starts_with("0x") ? 2 : 0;
    if (!disk.wwn.empty() &&
        std::from_chars(disk.wwn.data() + skip, disk.wwn.data() + disk.wwn.size(), wwn, 16).ec == std::errc{})
        o["wwn"] = wwn;
    if (disk.target.rotation_rate) o["rotation_rate"] = *disk.target.rotation_rate;
    if (!disk.vendor.empty()) o["vendor"] = disk.vendor;
    if (!disk.product.empty()) o["product"] = disk.product;
    if (disk.geometry && disk.geometry->cyls && disk.geometry->heads && disk.geometry->secs) {
        o["cyls"] = *disk.geometry->cyls;
        o["heads"] = *disk.geometry->heads;
        o["secs"] = *disk.geometry->secs;
        if (!disk.geometry->trans.empty()) o["bios-chs-trans"] = disk.geometry->trans;
    }
    if (disk.logical_block_size) o["logical_block_size"] = *disk.logical_block_size;
    if (disk.physical_block_size) o["physical_block_size"] = *disk.physical_block_size;
    if (disk.driver.cache == DiskCache::writethrough || disk.driver.cache == DiskCache::directsync)
        o["write-cache"] = "off";
    else if (disk.driver.cache != DiskCache::unset && disk.driver.cache != DiskCache::default_)
        o["write-cache"] = "on";
    if (!disk.serial.empty()) o["serial"] = disk.serial;
    policies(o, disk);
}

BootDevice boot_kind(const Disk& disk) {
    if (disk.device == DiskDevice::cdrom) return BootDevice::cdrom;
    return disk.device == DiskDevice::floppy ? BootDevice::fd : BootDevice::hd;
}

// A disk whose back end is another process.
void served_disk(Builder& b, const Disk& disk, bool first) {
    const std::string chardev = "chr-vu-" + disk.info.alias.name;
    std::string text = fmt::format("socket,id={},path={}", chardev, Builder::value(disk.source->path));
    if (disk.source->reconnect && disk.source->reconnect->enabled == YesNo::yes)
        text += fmt::format(",reconnect={}", disk.source->reconnect->timeout.value_or(0));
    b.arg("-chardev", text);
    Options o{{"driver", Builder::virtio_driver("vhost-user-blk", disk.model)}};
    virtio_options(o, disk.driver);
    b.add_pci(o, disk.info);
    o["chardev"] = chardev;
    o["id"] = disk.info.alias.name;
    b.add_boot(o, disk.info, BootDevice::hd, first);
    b.device(o);
}

Status add_with_boot(Builder& b, const Disk& disk, bool first) {
    if (disk.transient) return Builder::unsupported("disk '{}': transient disks are not supported by this version", disk.target.dev);
    const bool there = has_source(disk.type, disk.source ? &*disk.source : nullptr);
    const BootDevice kind = boot_kind(disk);
    if (there && disk.type == DiskType::vhostuser) {
        served_disk(b, disk, first);
        return {};
    }
    std::string node;
    if (there) {
        PV_ASSIGN_OR_RETURN(node, add_blockdevs(b, disk));
    } else if (disk.device != DiskDevice::cdrom && disk.device != DiskDevice::floppy) {
        return Builder::unsupported("disk '{}' has no source", disk.target.dev);
    }
    PV_ASSIGN_OR_RETURN(Options o, device(b, disk));
    if (disk.shareable) o["share-rw"] = true;
    if (!node.empty()) o["drive"] = node;
    o["id"] = disk.info.alias.name;
    if (kind != BootDevice::fd) b.add_boot(o, disk.info, kind, first);
    figures(o, disk);
    b.device(o);
    return {};
}

} // namespace

Status add_one(Builder& b, const Disk& disk) { return add_with_boot(b, disk, false); }

Status add_disks(Builder& b) {
    // A guest that starts has its numbers in its document; one that is only shown gets them here.
    std::vector<Disk> disks = b.domain.devices.disks;
    number_images(disks);
    std::set<BootDevice> seen;
    for (const Disk& disk : disks) PV_TRY(add_with_boot(b, disk, seen.insert(boot_kind(disk)).second));
    return {};
}

} // namespace polyvirt::qemu
