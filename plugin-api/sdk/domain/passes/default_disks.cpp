// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <set>

#include "base/error_text.h"
#include "sdk/domain/passes/defaults.h"

namespace polyvirt::sdk::domain {
namespace {

struct Prefix {
    std::string_view prefix;
    DiskBus bus;
};
constexpr Prefix kPrefixes[] = {
    {"hd", DiskBus::ide},  {"sd", DiskBus::scsi}, {"vd", DiskBus::virtio},
    {"xvd", DiskBus::xen}, {"fd", DiskBus::fdc},  {"ubd", DiskBus::uml},
};

const Prefix* prefix_of(std::string_view dev) {
    for (const Prefix& p : kPrefixes) {
        if (dev.rfind(p.prefix, 0) == 0)
            return &p;
    }
    return nullptr;
}

DiskBus default_bus(const Disk& disk) {
    if (disk.device == DiskDevice::floppy)
        return DiskBus::fdc;
    const Prefix* p = prefix_of(disk.target.dev);
    return p ? p->bus : DiskBus::ide;
}

std::optional<Address> drive_address(const Disk& disk) {
    const int n = disk_number(disk.target.dev);
    if (n < 0)
        return std::nullopt;
    const auto u = static_cast<std::uint32_t>(n);
    switch (disk.target.bus) {
    case DiskBus::ide:
        return Address::drive(u / 4, (u % 4) / 2, 0, u % 2);
    case DiskBus::sata:
        return Address::drive(u / 6, 0, 0, u % 6);
    case DiskBus::scsi:
        return Address::drive(u / 7, 0, 0, u % 7); // refined once the controllers are known
    case DiskBus::fdc:
        return Address::drive(u / 2, 0, 0, u % 2);
    default:
        return std::nullopt;
    }
}

// What says no more than that nothing was said.
void default_driver(DiskDriver& v) {
    if (v.cache == DiskCache::default_)
        v.cache = {};
    for (ErrorPolicy* policy : {&v.error_policy, &v.rerror_policy}) {
        if (*policy == ErrorPolicy::default_)
            *policy = {};
    }
    if (v.io == DiskIo::default_)
        v.io = {};
    if (v.discard == DiscardPolicy::default_)
        v.discard = {};
    if (v.detect_zeroes == DetectZeroes::default_)
        v.detect_zeroes = {};
}

} // namespace

void order_disks(std::vector<Disk>& disks) {
    std::vector<Disk> ordered;
    for (Disk& disk : disks) {
        const int n = disk_number(disk.target.dev);
        std::size_t at = ordered.size();
        bool bus_seen = false;
        for (std::size_t i = ordered.size(); i-- > 0;) {
            if (ordered[i].target.bus != disk.target.bus)
                continue;
            if (disk_number(ordered[i].target.dev) > n)
                at = i;
            else if (!bus_seen && at == ordered.size())
                at = i + 1;
            bus_seen = true;
        }
        ordered.insert(ordered.begin() + static_cast<std::ptrdiff_t>(at), std::move(disk));
    }
    disks = std::move(ordered);
}

int disk_number(std::string_view dev) {
    const Prefix* p = prefix_of(dev);
    if (!p)
        return -1;
    int n = 0;
    std::size_t letters = 0;
    for (std::size_t i = p->prefix.size(); i < dev.size(); i++, letters++) {
        if (dev[i] < 'a' || dev[i] > 'z')
            break;
        if (n > 1'000'000)
            return -1;
        n = n * 26 + (dev[i] - 'a') + 1;
    }
    return letters == 0 ? -1 : n - 1;
}

Status default_disks(Domain& d) {
    std::set<std::string> targets;
    for (Disk& disk : d.devices.disks) {
        if (disk.type == DiskType::unset)
            disk.type = DiskType::file;
        if (disk.device == DiskDevice::unset)
            disk.device = DiskDevice::disk;
        if (disk.target.bus == DiskBus::unset)
            disk.target.bus = default_bus(disk);
        if (disk.device == DiskDevice::cdrom)
            disk.readonly = true;
        const bool empty_drive =
            !disk.source && (disk.device == DiskDevice::cdrom || disk.device == DiskDevice::floppy);
        if (empty_drive && (disk.type == DiskType::network || disk.type == DiskType::volume))
            disk.type = DiskType::file;
        if (disk.type == DiskType::vhostuser)
            disk.snapshot = "no";
        else if (disk.readonly && disk.snapshot == "no")
            disk.snapshot.clear(); // what is never written is never in one
        if (disk.driver.name.empty() && disk.type != DiskType::vhostuser)
            disk.driver.name = "qemu";
        // A volume's format is the volume's own; a chain's top is probed only when it says so.
        if (disk.driver.type.empty() && disk.type != DiskType::volume)
            disk.driver.type = "raw";
        if (!targets.insert(disk.target.dev).second)
            return make_error(ErrorCode::xml_error, ErrorDomain::domain,
                              "target '{}' duplicated for disk sources", disk.target.dev);
        if (!disk.info.address)
            disk.info.address = drive_address(disk);
        default_driver(disk.driver);
        if (disk.target.tray == "closed")
            disk.target.tray.clear();
    }
    order_disks(d.devices.disks);
    return {};
}

} // namespace polyvirt::sdk::domain
