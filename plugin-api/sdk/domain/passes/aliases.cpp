// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "sdk/domain/passes/visit.h"

namespace polyvirt::sdk::domain {
namespace {

std::string controller_alias(const Controller& c, Chipset chipset) {
    const std::uint32_t index = c.index.value_or(0);
    const std::string_view type = kControllerTypes[static_cast<int>(c.type)];
    if (c.type == ControllerType::pci) {
        if (c.model == "pcie-root")
            return "pcie.0";
        if (index == 0)
            return "pci.0"; // the emulator's own name for the first bus
        return fmt::format("pci.{}", index);
    }
    // These are part of the board, under the board's own names.
    if (c.type == ControllerType::ide && chipset == Chipset::i440fx && index == 0)
        return "ide";
    if (c.type == ControllerType::sata && chipset == Chipset::q35 && index == 0)
        return "ide";
    if (c.type == ControllerType::usb && index == 0)
        return "usb";
    return fmt::format("{}{}", type, index);
}

// Old SCSI controllers have a target for each disk, and no units.
bool without_units(const Domain& all, std::uint32_t index) {
    for (const Controller& c : all.devices.controllers) {
        if (c.type == ControllerType::scsi && c.index == index)
            return c.model == "lsilogic" || c.model == "am53c974" || c.model == "dc390" || c.model == "ncr53c90";
    }
    return true;
}

std::string disk_alias(const Domain& all, const Disk& d) {
    const std::string_view bus = kDiskBuses[static_cast<int>(d.target.bus)];
    if (d.info.address && d.info.address->type == AddressType::drive) {
        const Address& a = *d.info.address;
        if (d.target.bus == DiskBus::scsi && !without_units(all, a.controller.value_or(0)))
            return fmt::format("scsi{}-{}-{}-{}", a.controller.value_or(0), a.bus.value_or(0),
                               a.target.value_or(0), a.unit.value_or(0));
        return fmt::format("{}{}-{}-{}", bus, a.controller.value_or(0), a.bus.value_or(0),
                           a.unit.value_or(0));
    }
    // "vdb" is the second of its bus.
    const std::size_t digits = d.target.dev.find_last_not_of("0123456789");
    std::uint32_t n = 0;
    for (std::size_t i = std::min<std::size_t>(2, d.target.dev.size());
         i <= digits && i < d.target.dev.size(); i++) {
        const char c = d.target.dev[i];
        if (c < 'a' || c > 'z' || n > 100'000)
            break;
        n = n * 26 + static_cast<std::uint32_t>(c - 'a') + 1;
    }
    return fmt::format("{}-disk{}", bus, n == 0 ? 0 : n - 1);
}

// Modules are counted by kind; those that sit in a slot are named by it.
std::string memory_alias(const std::vector<MemoryDevice>& all, const MemoryDevice& m) {
    const std::string stem = m.model.starts_with("virtio") ? std::string(m.model.substr(0, 6)) + m.model.substr(7)
                             : m.model == "sgx-epc"        ? "epc"
                                                           : m.model;
    if (m.info.address && m.info.address->type == AddressType::dimm && m.info.address->slot)
        return fmt::format("{}{}", stem, *m.info.address->slot);
    std::uint32_t n = 0;
    for (const MemoryDevice& x : all) {
        if (&x == &m)
            break;
        n += x.model == m.model;
    }
    return fmt::format("{}{}", stem, n);
}

class Namer {
  public:
    explicit Namer(Domain& d) {
        for_each_info(d, [&](DeviceInfo& info, std::string_view) {
            if (!info.alias.name.empty())
                taken_.insert(info.alias.name);
        });
    }
    void name(DeviceInfo& info, std::string wanted) {
        if (!info.alias.name.empty())
            return;
        taken_.insert(wanted);
        info.alias.name = std::move(wanted);
    }
    template <typename List> void number(List& list, std::string_view stem) {
        std::uint32_t n = 0;
        for (auto& x : list) {
            if (!x.info.alias.name.empty())
                continue;
            std::string wanted;
            do
                wanted = fmt::format("{}{}", stem, n++);
            while (taken_.contains(wanted));
            name(x.info, std::move(wanted));
        }
    }

  private:
    std::set<std::string> taken_;
};

} // namespace

void assign_aliases(Domain& d) {
    auto& v = d.devices;
    Namer namer(d);
    const Chipset chipset = chipset_of(d);
    for (Disk& x : v.disks)
        namer.name(x.info, disk_alias(d, x));
    for (Controller& x : v.controllers)
        namer.name(x.info, controller_alias(x, chipset));
    namer.number(v.interfaces, "net");
    namer.number(v.filesystems, "fs");
    namer.number(v.serials, "serial");
    namer.number(v.parallels, "parallel");
    // The first console is the first serial under another name.
    if (!v.consoles.empty() && !v.serials.empty() && v.consoles[0].target.type == "serial")
        v.consoles[0].info.alias = v.serials[0].info.alias;
    // By place, so that the second console is the same whether or not the first is a serial line.
    for (std::size_t i = 0; i < v.consoles.size(); i++)
        namer.name(v.consoles[i].info, fmt::format("console{}", i));
    namer.number(v.channels, "channel");
    namer.number(v.inputs, "input");
    namer.number(v.sounds, "sound");
    namer.number(v.videos, "video");
    namer.number(v.hostdevs, "hostdev");
    namer.number(v.redirdevs, "redir");
    namer.number(v.hubs, "hub");
    namer.number(v.watchdogs, "watchdog");
    if (v.memballoon && v.memballoon->model != "none")
        namer.name(v.memballoon->info, "balloon0");
    namer.number(v.rngs, "rng");
    namer.number(v.panics, "panic");
    namer.number(v.shmems, "shmem");
    for (MemoryDevice& x : v.memories)
        namer.name(x.info, memory_alias(v.memories, x));
    namer.number(v.cryptos, "crypto");
    namer.number(v.smartcards, "smartcard");
    namer.number(v.tpms, "tpm");
    namer.number(v.nvrams, "nvram");
    if (v.iommu)
        namer.name(v.iommu->info, "iommu0");
    if (v.vsock)
        namer.name(v.vsock->info, "vsock0");
}

} // namespace polyvirt::sdk::domain
