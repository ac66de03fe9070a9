// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Passes that leave out what a document is not to show.
#include <algorithm>

#include "sdk/domain/passes/visit.h"

namespace polyvirt::sdk::domain {
namespace {

bool users_own(const Alias& alias) {
    return alias.name.rfind("ua-", 0) == 0;
}

void drop_live_chardev(Chardev& c) {
    c.tty.clear();
    c.target.state.clear();
    // The path of a pty is found when the guest starts.
    if (c.type == ChardevType::pty)
        c.sources.clear();
}

} // namespace

void drop_live_state(Domain& d) {
    d.id.reset();
    for_each_info(d, [](DeviceInfo& info, std::string_view) {
        if (!users_own(info.alias))
            info.alias.name.clear();
    });
    for (auto* list :
         {&d.devices.serials, &d.devices.parallels, &d.devices.consoles, &d.devices.channels})
        std::for_each(list->begin(), list->end(), drop_live_chardev);
    for (Interface& i : d.devices.interfaces) {
        i.source.port_id.clear();
        // Names the daemon made up for tap devices are made up again.
        for (const char* made : {"vnet", "macvtap", "macvlan"}) {
            if (i.target.dev.rfind(made, 0) == 0)
                i.target.dev.clear();
        }
    }
    for (Disk& disk : d.devices.disks) {
        if (disk.source)
            disk.source->index.reset();
    }
    for (Seclabel& s : d.seclabels) {
        s.imagelabel.clear();
        if (s.type == "dynamic")
            s.label.clear();
    }
}

void drop_secrets(Domain& d) {
    for (Graphics& g : d.devices.graphics)
        g.passwd.clear();
}

void drop_implied(Domain& d) {
    auto& controllers = d.devices.controllers;
    auto only = [&](ControllerType type) {
        return std::count_if(controllers.begin(), controllers.end(),
                             [type](const Controller& c) { return c.type == type; }) == 1;
    };
    const bool one_usb = only(ControllerType::usb), one_pci = only(ControllerType::pci);
    std::erase_if(controllers, [&](const Controller& c) {
        if (!c.info.alias.name.empty())
            return false;
        if (c.type == ControllerType::usb)
            return one_usb && c.index == 0u && c.model == "piix3-uhci";
        return c.type == ControllerType::pci && one_pci && c.index == 0u && c.model == "pci-root";
    });
    std::erase_if(d.devices.inputs, [](const Input& i) {
        return i.bus == InputBus::ps2 && i.type == InputType::keyboard && i.info.alias.name.empty();
    });
    std::erase_if(d.devices.audios, [](const Audio& a) { return a.id == 1u && a.type == "none"; });
    // Readers of the time when only one console existed counted virtio ones among themselves.
    std::uint32_t port = 0;
    for (Chardev& c : d.devices.consoles)
        c.target.port = port++;
}

} // namespace polyvirt::sdk::domain
