// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Passes that leave out what a document is not to show.
#include <algorithm>

#include "sdk/domain/passes/addresses.h"
#include "sdk/domain/passes/defaults.h"
#include "sdk/domain/passes/visit.h"
#include "sdk/xml/format.h"

namespace polyvirt::sdk::domain {
namespace {

bool users_own(const Alias& alias) {
    return alias.name.rfind("ua-", 0) == 0;
}

void drop_live_chardev(Chardev& c) {
    c.tty.clear();
    c.target.state.clear();
    // The path of a pty is found when the guest starts, and so is that of a socket made for the guest.
    if (c.type == ChardevType::pty)
        c.sources.clear();
    if (c.type == ChardevType::unix_ && c.target.type == "virtio" && !c.sources.empty()) {
        const std::string& path = c.sources[0].path;
        // In a guest's folder, under the channel's own name.
        const std::size_t slash = path.rfind('/');
        const std::size_t folder = slash == std::string::npos || slash == 0 ? slash : path.rfind('/', slash - 1);
        const std::string file = slash == std::string::npos ? path : path.substr(slash + 1);
        const bool ours = folder != std::string::npos && path.compare(folder, 8, "/domain-") == 0 && file == c.target.name;
        // As the peer had them before each guest had a folder: GUEST.CHANNEL.
        constexpr std::string_view kOldFolder = "/channel/target";
        const bool old = folder != std::string::npos && std::string_view(path).substr(0, slash).ends_with(kOldFolder) &&
                         file.ends_with("." + c.target.name) && file.find('.') == file.size() - c.target.name.size() - 1;
        if (!c.target.name.empty() && (ours || old))
            c.sources.clear();
    }
}

// The backend that a domain without one is given.
bool is_default_audio(const Domain& d, const Audio& a) {
    Domain bare;
    bare.devices.graphics = d.devices.graphics;
    default_audio(bare);
    return bare.devices.audios.size() == 1 && xml::format("audio", bare.devices.audios[0]) == xml::format("audio", a);
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
        if (!i.source.network.empty()) { // what it was plugged into is the network's choice each time
            if (i.type == InterfaceType::bridge || i.type == InterfaceType::direct) i.type = InterfaceType::network;
            for (std::string* plug : {&i.source.bridge, &i.source.dev, &i.source.mode}) plug->clear();
        }
        // Names the daemon made up for tap devices are made up again.
        for (const char* made : {"vnet", "macvtap", "macvlan"}) {
            if (i.target.dev.rfind(made, 0) == 0)
                i.target.dev.clear();
        }
    }
    for (Disk& disk : d.devices.disks) {
        if (disk.source)
            disk.source->index.reset();
        for (auto* backing = &disk.backing; !backing->empty(); backing = &backing->front().next)
            backing->front().index.reset();
        disk.mirror.reset();
    }
    for (Hostdev& h : d.devices.hostdevs)
        h.source.missing = YesNo::unset;
    if (d.cputune)
        for (CacheTune& t : d.cputune->cachetunes) t.id.clear();
    for (Graphics& g : d.devices.graphics) {
        // The address of a network is found when the guest starts.
        if (!g.listens.empty() && g.listens[0].type == ListenType::network)
            g.listen.clear();
        for (GraphicsListen& l : g.listens) {
            if (l.type == ListenType::network)
                l.address.clear();
        }
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
    for (Disk& disk : d.devices.disks) {
        if (disk.source)
            disk.source->cookies.clear();
        for (auto* backing = &disk.backing; !backing->empty(); backing = &backing->front().next) {
            if (backing->front().source)
                backing->front().source->cookies.clear();
        }
    }
}

void drop_implied(Domain& d) {
    auto& controllers = d.devices.controllers;
    // In the order in which a peer that reads it has them.
    std::vector<Controller> ordered;
    for (Controller& c : controllers)
        insert_controller(ordered, std::move(c));
    controllers = std::move(ordered);
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
        return c.type == ControllerType::pci && one_pci && c.index == 0u && c.model == "pci-root" && !c.pcihole64;
    });
    // Kind by kind, as the reader of the document will hold them.
    std::vector<Controller> sorted;
    for (const Controller& kind : controllers) {
        if (std::any_of(sorted.begin(), sorted.end(), [&](const Controller& c) { return c.type == kind.type; }))
            continue;
        std::copy_if(controllers.begin(), controllers.end(), std::back_inserter(sorted),
                     [&](const Controller& c) { return c.type == kind.type; });
    }
    controllers = std::move(sorted);
    for (Graphics& g : d.devices.graphics) {
        // Older readers know a socket as an attribute only, which is there as well.
        std::erase_if(g.listens, [](const GraphicsListen& l) { return l.type == ListenType::socket && !l.socket.empty(); });
        if (g.type != GraphicsType::spice || g.listens.size() != 1 || g.listens[0].type != ListenType::none)
            continue;
        g.listens.clear();
        g.autoport = YesNo::no;
    }
    std::erase_if(d.devices.inputs, [](const Input& i) {
        return i.bus == InputBus::ps2 && i.type == InputType::keyboard && i.info.alias.name.empty();
    });
    if (d.devices.audios.size() == 1 && is_default_audio(d, d.devices.audios[0]))
        d.devices.audios.clear();
    // Readers of the time when only one console existed counted virtio ones among themselves.
    std::uint32_t port = 0;
    for (Chardev& c : d.devices.consoles) {
        if (c.target.type != "serial") // which has that of the line it stands for
            c.target.port = port;
        port++;
    }
}

} // namespace polyvirt::sdk::domain
