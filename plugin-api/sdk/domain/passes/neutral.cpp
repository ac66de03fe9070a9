// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What every reader of domain documents adds, whatever runs them: for drivers whose machine has no board of ours.
#include <algorithm>

#include "base/error_text.h"
#include "sdk/domain/passes/defaults.h"

namespace polyvirt::sdk::domain {
namespace {

void neutral_memory_and_vcpu(Domain& d) {
    if (d.memory && (!d.current_memory || *d.current_memory > *d.memory))
        d.current_memory = d.memory;
    if (!d.vcpu.max)
        d.vcpu.max = 1;
    if (d.vcpu.placement == Placement{})
        d.vcpu.placement = Placement::static_;
    if (d.vcpu.current && *d.vcpu.current == *d.vcpu.max)
        d.vcpu.current.reset();
}

void neutral_actions(Domain& d) {
    if (!d.clock)
        d.clock.emplace();
    if (d.clock->offset == ClockOffset::unset)
        d.clock->offset = ClockOffset::utc;
    if (d.on_poweroff == LifecycleAction::unset)
        d.on_poweroff = LifecycleAction::destroy;
    if (d.on_reboot == LifecycleAction::unset)
        d.on_reboot = LifecycleAction::restart;
    if (d.on_crash == LifecycleAction::unset)
        d.on_crash = LifecycleAction::destroy;
    const auto& disks = d.devices.disks;
    const bool by_device = std::any_of(disks.begin(), disks.end(), [](const Disk& x) { return x.info.boot.order; });
    if (d.os.type.type == "hvm" && d.os.boot.empty() && !by_device)
        d.os.boot.push_back({BootDevice::hd});
}

// The format and emulator's driver of a disk are the hypervisor's business.
Status neutral_disks(Domain& d) {
    std::vector<std::pair<std::string, DiskDriver>> given;
    for (const Disk& disk : d.devices.disks)
        given.emplace_back(disk.target.dev, disk.driver);
    PV_TRY(default_disks(d));
    for (Disk& disk : d.devices.disks) {
        const auto same = std::find_if(given.begin(), given.end(), [&](const auto& g) { return g.first == disk.target.dev; });
        disk.driver = same->second;
    }
    return {};
}

struct BusController {
    DiskBus bus;
    ControllerType type;
};
constexpr BusController kControllers[] = {{DiskBus::scsi, ControllerType::scsi},
                                          {DiskBus::fdc, ControllerType::fdc},
                                          {DiskBus::ide, ControllerType::ide},
                                          {DiskBus::sata, ControllerType::sata}};

void neutral_controllers(Domain& d) {
    auto& list = d.devices.controllers;
    for (const auto& [bus, type] : kControllers) {
        std::optional<std::uint32_t> highest;
        for (const Disk& disk : d.devices.disks)
            if (disk.target.bus == bus && disk.info.address && disk.info.address->type == AddressType::drive)
                highest = std::max(highest.value_or(0), disk.info.address->controller.value_or(0));
        for (std::uint32_t index = 0; highest && index <= *highest; index++) {
            const bool there = std::any_of(list.begin(), list.end(), [&, wanted = type](const Controller& c) {
                return c.type == wanted && c.index.value_or(0) == index;
            });
            if (there)
                continue;
            Controller controller;
            controller.type = type;
            controller.index = index;
            list.push_back(std::move(controller));
        }
    }
}

void neutral_displays(Domain& d) {
    for (Graphics& g : d.devices.graphics) {
        if (g.type != GraphicsType::vnc && g.type != GraphicsType::spice)
            continue;
        // At a socket there is no port.
        const bool port = g.listens.empty() || (g.listens[0].type != ListenType::socket && g.listens[0].type != ListenType::none);
        if (port && g.autoport == YesNo::unset && (!g.port || *g.port == -1)) {
            g.autoport = YesNo::yes;
            if (g.type == GraphicsType::vnc)
                g.port = -1;
        }
        if (g.listens.empty()) {
            g.listens.emplace_back();
            g.listens.back().type = g.socket.empty() ? ListenType::address : ListenType::socket;
            g.listens.back().address = g.listen;
        }
    }
    auto& videos = d.devices.videos;
    for (Video& v : videos) {
        if (v.model.type.empty()) {
            v.model.type = "cirrus";
            v.model.vram = v.model.vram.value_or(16'384);
        }
        if (v.model.type != "none")
            v.model.heads = v.model.heads.value_or(1);
    }
    const bool chosen = std::any_of(videos.begin(), videos.end(), [](const Video& v) { return v.model.primary == YesNo::yes; });
    if (!videos.empty() && !chosen)
        videos.front().model.primary = YesNo::yes;
}

// The kind of line is the board's business, so the pass that knows boards is kept from it.
void neutral_chardevs(Domain& d) {
    std::string arch;
    std::swap(arch, d.os.type.arch);
    default_chardevs(d);
    std::swap(arch, d.os.type.arch);
}

} // namespace

Status apply_neutral_defaults(Domain& d, const HostContext& context) {
    if (!d.uuid)
        d.uuid = Uuid::random();
    if (d.os.type.type.empty())
        return make_error(ErrorCode::os_type, ErrorDomain::domain, "<os> has no <type>, expected 'hvm' or 'exe'");
    if (d.os.type.arch.empty())
        d.os.type.arch = context.arch;
    if (!d.memory)
        return make_error(ErrorCode::xml_error, ErrorDomain::domain,
                          "Memory size must be specified via <memory> or in the <numa> configuration");
    neutral_memory_and_vcpu(d);
    neutral_actions(d);
    PV_TRY(neutral_disks(d));
    neutral_chardevs(d);
    neutral_displays(d);
    neutral_controllers(d);
    for (Interface& i : d.devices.interfaces)
        if (!i.mac.address)
            i.mac.address = context.new_mac ? context.new_mac() : random_mac();
    return {};
}

} // namespace polyvirt::sdk::domain
