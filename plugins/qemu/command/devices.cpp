// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Network interfaces, input, graphics, video, and the small devices.

#include "command/builder.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

Status interface(Builder& b, const Interface& i, bool first) {
    if (i.type != InterfaceType::user)
        return Builder::unsupported("interface '{}': type '{}' is not supported by this version; 'user' is",
                                    i.info.alias.name, name(i.type));
    const std::string netdev = "host" + i.info.alias.name;
    b.json("-netdev", {{"type", "user"}, {"id", netdev}});
    const std::string model = i.model.empty() ? "rtl8139" : i.model;
    std::string driver = model;
    if (model == "virtio") driver = "virtio-net-pci";
    if (model == "virtio-transitional") driver = "virtio-net-pci-transitional";
    if (model == "virtio-non-transitional") driver = "virtio-net-pci-non-transitional";
    Options o{{"driver", driver}};
    if (i.mtu && model.starts_with("virtio")) o["host_mtu"] = *i.mtu;
    o["netdev"] = netdev;
    o["id"] = i.info.alias.name;
    if (i.mac.address) o["mac"] = i.mac.address->to_string();
    b.add_boot(o, i.info, BootDevice::network, first);
    b.add_pci(o, i.info);
    b.add_usb(o, i.info);
    b.device(o);
    return {};
}

Status input(Builder& b, const Input& i) {
    if (i.bus == InputBus::ps2) return {}; // part of every PC
    std::string driver;
    if (i.bus == InputBus::usb) {
        if (i.type == InputType::mouse) driver = "usb-mouse";
        if (i.type == InputType::tablet) driver = "usb-tablet";
        if (i.type == InputType::keyboard) driver = "usb-kbd";
    } else if (i.bus == InputBus::virtio) {
        if (i.type == InputType::mouse) driver = "virtio-mouse-pci";
        if (i.type == InputType::tablet) driver = "virtio-tablet-pci";
        if (i.type == InputType::keyboard) driver = "virtio-keyboard-pci";
    }
    if (driver.empty())
        return Builder::unsupported("input '{}': type '{}' on bus '{}' is not supported by this version", i.info.alias.name,
                                    name(i.type), name(i.bus));
    Options o{{"driver", driver}, {"id", i.info.alias.name}};
    b.add_pci(o, i.info);
    b.add_usb(o, i.info);
    b.device(o);
    return {};
}

Status vnc(Builder& b, const Graphics& g) {
    if (!g.passwd.empty())
        return Builder::unsupported("domain '{}': a password for VNC is not supported by this version", b.domain.name);
    std::string listen = g.listen;
    for (const auto& l : g.listens) {
        if (l.type == ListenType::socket && !l.socket.empty()) {
            b.arg("-vnc", "unix:" + Builder::value(l.socket));
            return {};
        }
        if (l.type == ListenType::address && !l.address.empty()) listen = l.address;
        if (l.type == ListenType::network)
            return Builder::unsupported("domain '{}': graphics that listen on a network are not supported by this version",
                                        b.domain.name);
    }
    if (listen.empty()) listen = "127.0.0.1";
    if (listen.find(':') != std::string::npos) listen = "[" + listen + "]";
    const bool fixed = g.autoport != YesNo::yes && g.port.value_or(-1) >= 5900;
    // The emulator looks for a free port itself, so nobody can take it in between; query-vnc tells which.
    b.arg("-vnc", fixed ? fmt::format("{}:{}", Builder::value(listen), *g.port - 5900)
                        : fmt::format("{}:0,to=999", Builder::value(listen)));
    return {};
}

constexpr std::pair<std::string_view, std::string_view> kVideoDrivers[] = {
    {"vga", "VGA"}, {"cirrus", "cirrus-vga"}, {"vmvga", "vmware-svga"}, {"bochs", "bochs-display"},
    {"qxl", "qxl-vga"}, {"virtio", "virtio-vga"}, {"ramfb", "ramfb"}};

Status video(Builder& b, const Video& v, bool primary) {
    if (v.model.type == "none") return {};
    std::string driver;
    for (const auto& [model, d] : kVideoDrivers) {
        if (model == v.model.type) driver = d;
    }
    if (driver.empty())
        return Builder::unsupported("video '{}': model '{}' is not supported by this version", v.info.alias.name, v.model.type);
    if (!primary && driver == "qxl-vga") driver = "qxl";
    if (!primary && driver == "virtio-vga") driver = "virtio-gpu-pci";
    Options o{{"driver", driver}, {"id", v.info.alias.name}};
    if (v.model.type == "virtio" || v.model.type == "qxl") o["max_outputs"] = v.model.heads.value_or(1);
    if (v.model.type == "qxl") {
        o["ram_size"] = v.model.ram.value_or(65536) * 1024ULL;
        o["vram_size"] = v.model.vram.value_or(65536) * 1024ULL;
        o["vgamem_mb"] = v.model.vgamem.value_or(16384) / 1024;
    }
    if ((v.model.type == "vga" || v.model.type == "vmvga") && v.model.vram) o["vgamem_mb"] = *v.model.vram / 1024;
    b.add_pci(o, v.info);
    b.device(o);
    return {};
}

Status watchdog(Builder& b, const Watchdog& w) {
    Options o{{"driver", w.model}, {"id", w.info.alias.name}};
    b.add_pci(o, w.info);
    if (w.model != "itco") b.device(o);
    std::string action = w.action.empty() ? "reset" : w.action;
    if (action == "dump") action = "pause";
    b.arg("-watchdog-action", action);
    return {};
}

Status rng(Builder& b, const Rng& r) {
    const std::string object = "obj" + r.info.alias.name;
    if (r.backend.model == "random" || r.backend.model.empty())
        b.json("-object", {{"qom-type", "rng-random"},
                           {"id", object},
                           {"filename", r.backend.path.empty() ? "/dev/urandom" : r.backend.path}});
    else if (r.backend.model == "builtin")
        b.json("-object", {{"qom-type", "rng-builtin"}, {"id", object}});
    else
        return Builder::unsupported("rng '{}': backend '{}' is not supported by this version", r.info.alias.name, r.backend.model);
    Options o{{"driver", "virtio-rng-pci"}, {"rng", object}, {"id", r.info.alias.name}};
    if (r.rate_bytes) {
        o["max-bytes"] = *r.rate_bytes;
        o["period"] = r.rate_period.value_or(1000);
    }
    b.add_pci(o, r.info);
    b.device(o);
    return {};
}

Status panic(Builder& b, const Panic& p) {
    if (p.model != "isa" && p.model != "pvpanic" && !p.model.empty())
        return Builder::unsupported("panic device model '{}' is not supported by this version", p.model);
    Options o{{"driver", p.model == "pvpanic" ? "pvpanic-pci" : "pvpanic"}};
    if (p.info.address && p.info.address->iobase) o["ioport"] = *p.info.address->iobase;
    b.add_pci(o, p.info);
    b.device(o);
    return {};
}

} // namespace

Status add_interfaces(Builder& b) {
    bool first = true;
    for (const Interface& i : b.domain.devices.interfaces) {
        PV_TRY(interface(b, i, first));
        first = false;
    }
    return {};
}

Status add_inputs(Builder& b) {
    for (const Input& i : b.domain.devices.inputs) PV_TRY(input(b, i));
    return {};
}

Status add_graphics(Builder& b) {
    for (const Audio& a : b.domain.devices.audios) {
        if (a.type != "none" && !a.type.empty())
            return Builder::unsupported("audio backend '{}' is not supported by this version", a.type);
        b.json("-audiodev", {{"id", fmt::format("audio{}", a.id.value_or(1))}, {"driver", "none"}});
    }
    for (const Graphics& g : b.domain.devices.graphics) {
        if (g.type != GraphicsType::vnc)
            return Builder::unsupported("graphics of type '{}' are not supported by this version; 'vnc' is", name(g.type));
        PV_TRY(vnc(b, g));
    }
    return {};
}

Status add_videos(Builder& b) {
    bool primary = true;
    for (const Video& v : b.domain.devices.videos) {
        PV_TRY(video(b, v, primary));
        primary = false;
    }
    return {};
}

Status add_others(Builder& b) {
    const Devices& v = b.domain.devices;
    if (!v.sounds.empty())
        return Builder::unsupported("sound model '{}' is not supported by this version", v.sounds.front().model);
    for (const Watchdog& w : v.watchdogs) PV_TRY(watchdog(b, w));
    if (v.memballoon && v.memballoon->model != "none") {
        Options o{{"driver", "virtio-balloon-pci"}, {"id", v.memballoon->info.alias.name}};
        if (v.memballoon->autodeflate != OnOff::unset) o["deflate-on-oom"] = v.memballoon->autodeflate == OnOff::on;
        if (v.memballoon->free_page_reporting != OnOff::unset)
            o["free-page-reporting"] = v.memballoon->free_page_reporting == OnOff::on;
        b.add_pci(o, v.memballoon->info);
        b.device(o);
    }
    for (const Rng& r : v.rngs) PV_TRY(rng(b, r));
    for (const Panic& p : v.panics) PV_TRY(panic(b, p));
    return {};
}

} // namespace polyvirt::qemu
