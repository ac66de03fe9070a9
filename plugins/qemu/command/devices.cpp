// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Network interfaces, input, graphics, video, and the small devices.

#include <algorithm>

#include "command/builder.h"
#include "hostdev/functions.h"
#include "net/tap.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

// Numbers, or (in one that runs) names.
Status add_tap(Builder& b, const Interface& i, Options& o) {
    std::vector<std::string> all;
    const auto numbers = b.context.taps.find(i.info.alias.name);
    if (b.context.hotplug) all = tap_names(i);
    else if (numbers != b.context.taps.end())
        for (const int number : numbers->second) all.push_back(std::to_string(number));
    if (all.empty()) return Builder::unsupported("interface '{}': its tap is missing", i.info.alias.name);
    std::string list;
    for (const std::string& one : all) list += (list.empty() ? "" : ":") + one;
    o["type"] = "tap";
    o[all.size() > 1 ? "fds" : "fd"] = list;
    return {};
}

// The other end of the cable.
Status netdev(Builder& b, const Interface& i, const std::string& id) {
    const auto place = [&](const InterfaceSource& s) { return fmt::format("{}:{}", s.address, s.port); };
    Options o{{"type", "socket"}};
    switch (i.type) {
    case InterfaceType::user: o["type"] = "user"; break;
    case InterfaceType::server: o["listen"] = place(i.source); break;
    case InterfaceType::client: o["connect"] = place(i.source); break;
    case InterfaceType::mcast: o["mcast"] = place(i.source); break;
    case InterfaceType::udp:
        o["udp"] = place(i.source);
        if (i.source.local) o["localaddr"] = fmt::format("{}:{}", i.source.local->address, i.source.local->port);
        break;
    case InterfaceType::vhostuser: {
        const std::string chardev = "char" + i.info.alias.name;
        std::vector<ChardevSource> source(1);
        source[0].path = i.source.path;
        source[0].mode = i.source.mode == "server" ? "bind" : "connect";
        source[0].reconnect = i.source.reconnect;
        PV_TRY(b.chardev(chardev, ChardevType::unix_, source, {}, {}, {}));
        o = {{"type", "vhost-user"}, {"chardev", chardev}};
        if (i.driver.queues.value_or(1) > 1) o["queues"] = *i.driver.queues;
        break;
    }
    case InterfaceType::network:
    case InterfaceType::bridge:
    case InterfaceType::direct:
    case InterfaceType::ethernet: PV_TRY(add_tap(b, i, o)); break;
    default:
        return Builder::unsupported("interface '{}': type '{}' is not supported by this version", i.info.alias.name, name(i.type));
    }
    o["id"] = id;
    b.json("-netdev", o);
    return {};
}

void offloads(Options& o, const InterfaceDriver& d) {
    const std::pair<const char*, OnOff> options[] = {
        {"csum", d.host.csum},           {"gso", d.host.gso},         {"host_tso4", d.host.tso4},
        {"host_tso6", d.host.tso6},      {"host_ecn", d.host.ecn},    {"host_ufo", d.host.ufo},
        {"mrg_rxbuf", d.host.mrg_rxbuf}, {"guest_csum", d.guest.csum}, {"guest_tso4", d.guest.tso4},
        {"guest_tso6", d.guest.tso6},    {"guest_ecn", d.guest.ecn},  {"guest_ufo", d.guest.ufo},
        {"ioeventfd", d.ioeventfd},      {"event_idx", d.event_idx},  {"rss", d.rss},
        {"hash", d.rss_hash_report}};
    for (const auto& [option, value] : options) {
        if (value != OnOff::unset) o[option] = value == OnOff::on;
    }
}

// Who shows a command line has no network: each card is on a tap that somebody else opens.
Status sketched(Builder& b, const Interface& i, bool first) {
    const std::string id = "host" + i.info.alias.name;
    b.json("-netdev", {{"type", "tap"}, {"fd", "0"}, {"id", id}});
    const std::string model = i.model.empty() ? "rtl8139" : i.model;
    Options o{{"driver", model.starts_with("virtio") ? Builder::virtio_driver("virtio-net", model) : model}, {"netdev", id}};
    o["id"] = i.info.alias.name;
    if (i.mac.address) o["mac"] = i.mac.address->to_string();
    b.add_boot(o, i.info, BootDevice::network, first);
    b.add_pci(o, i.info);
    b.add_usb(o, i.info);
    b.device(o);
    return {};
}

Status interface(Builder& b, const Interface& i, bool first) {
    if (b.context.sketch) return sketched(b, i, first);
    if (i.filter)
        return Builder::unsupported("interface '{}': filter '{}': filters are not supported by this version", i.info.alias.name, i.filter->filter);
    if (is_function(i)) return add_one(b, hostdev_of(i));
    if (i.vlan)
        return Builder::unsupported("interface {} - vlan tag not supported for this connection type",
                                    i.mac.address ? i.mac.address->to_string() : std::string());
    if (!i.script.empty() && i.type != InterfaceType::ethernet)
        return Builder::unsupported("scripts are not supported on interfaces of type {}", name(i.type));
    if (i.bandwidth && !wants_tap(i))
        return Builder::unsupported("setting bandwidth on interfaces of type '{}' is not supported", name(i.type));
    const std::string id = "host" + i.info.alias.name;
    PV_TRY(netdev(b, i, id));
    const std::string model = i.model.empty() ? "rtl8139" : i.model;
    const bool virtio = model.starts_with("virtio");
    Options o{{"driver", virtio ? Builder::virtio_driver("virtio-net", model)   : model}};
    if (virtio) {
        if (i.driver.txmode == "iothread") o["tx"] = "bh";
        if (i.driver.txmode == "timer") o["tx"] = "timer";
        offloads(o, i.driver);
        if (i.driver.queues.value_or(1) > 1) {
            o["mq"] = true;
            o["vectors"] = 2 * *i.driver.queues + 2;
        }
        if (i.driver.rx_queue_size) o["rx_queue_size"] = *i.driver.rx_queue_size;
        if (i.driver.tx_queue_size) o["tx_queue_size"] = *i.driver.tx_queue_size;
        if (i.mtu) o["host_mtu"] = *i.mtu;
        Builder::add_virtio(o, i.driver.virtio);
        if (i.teaming && i.teaming->type == "persistent") o["failover"] = true;
    }
    o["netdev"] = id;
    o["id"] = i.info.alias.name;
    if (i.mac.address) o["mac"] = i.mac.address->to_string();
    b.add_boot(o, i.info, BootDevice::network, first);
    b.add_pci(o, i.info);
    b.add_usb(o, i.info);
    Builder::add_rom(o, i.rom);
    if (i.acpi_index) o["acpi-index"] = *i.acpi_index;
    b.device(o);
    return {};
}

Status input(Builder& b, const Input& i) {
    if (i.type == InputType::evdev) {
        Options o{{"qom-type", "input-linux"}, {"id", i.info.alias.name}, {"evdev", i.source.dev}};
        if (i.source.repeat != OnOff::unset) o["repeat"] = i.source.repeat == OnOff::on;
        if (i.source.grab == "all") o["grab_all"] = true;
        if (!i.source.grab_toggle.empty()) o["grab-toggle"] = i.source.grab_toggle;
        b.json("-object", o);
        return {};
    }
    if (i.bus == InputBus::ps2 || i.bus == InputBus::none) return {}; // part of every PC
    std::string driver;
    if (i.bus == InputBus::usb) {
        if (i.type == InputType::mouse) driver = "usb-mouse";
        if (i.type == InputType::tablet) driver = "usb-tablet";
        if (i.type == InputType::keyboard) driver = "usb-kbd";
    } else if (i.bus == InputBus::virtio) {
        if (i.type == InputType::mouse) driver = "virtio-mouse-pci";
        if (i.type == InputType::tablet) driver = "virtio-tablet-pci";
        if (i.type == InputType::keyboard) driver = "virtio-keyboard-pci";
        if (i.type == InputType::passthrough) driver = Builder::virtio_driver("virtio-input-host", i.model);
    }
    if (driver.empty() && i.type == InputType::passthrough)
        return Builder::unsupported("only bus 'virtio' is supported for 'passthrough' input devices");
    if (driver.empty()) return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "unsupported input bus {}", name(i.bus));
    Options o{{"driver", driver}};
    Builder::add_virtio(o, i.driver);
    o["id"] = i.info.alias.name;
    if (i.type == InputType::passthrough) o["evdev"] = i.source.evdev;
    b.add_pci(o, i.info);
    b.add_usb(o, i.info);
    b.device(o);
    return {};
}

// What plays a guest's sound to who looks at it.
std::string audiodev(const Builder& b, const Graphics& g) {
    if (g.audio.id) return fmt::format(",audiodev=audio{}", *g.audio.id);
    const auto& audios = b.domain.devices.audios;
    return audios.size() == 1 ? fmt::format(",audiodev=audio{}", audios.front().id.value_or(1)) : std::string();
}

const GraphicsListen* listen_of(const Graphics& g) { return g.listens.empty() ? nullptr : &g.listens.front(); }

std::string bracketed(const std::string& address) {
    return address.find(':') != std::string::npos ? "[" + address + "]" : address;
}

// Which mechanisms there are, and who is known to them, SASL reads from a file.
void use_sasl(Builder& b, const Protection& p, std::string& text) {
    if (!p.sasl) return;
    text += ",sasl=on";
    if (!p.sasl_folder.empty()) b.line.env.push_back("SASL_CONF_PATH=" + p.sasl_folder);
}

void protect_vnc(Builder& b, std::string& text) {
    const Protection& p = b.context.protections.vnc;
    if (p.tls) {
        b.tls("vnc-tls-creds0", p, true);
        text += ",tls-creds=vnc-tls-creds0";
    }
    use_sasl(b, p, text);
}

Status vnc(Builder& b, const Graphics& g) {
    const GraphicsListen* const listen = listen_of(g);
    std::string text;
    if (listen != nullptr && listen->type == ListenType::none) {
        text = "none";
    } else if (listen != nullptr && listen->type == ListenType::socket) {
        text = "vnc=unix:" + Builder::value(listen->socket.empty() ? b.context.folder + "/vnc.sock" : listen->socket);
    } else {
        std::string address = g.listen;
        if (listen != nullptr && !listen->address.empty()) address = listen->address;
        if (address.empty()) address = "127.0.0.1";
        if (g.autoport == YesNo::no && g.port.value_or(0) < 5900)
            return Builder::unsupported("vnc port must be in range [5900,65535]");
        const bool fixed = g.autoport != YesNo::yes && g.port.value_or(-1) >= 5900;
        // The emulator looks for a free port itself, so nobody can take it in between; query-vnc tells which.
        const std::string display = fixed              ? fmt::format("{}", *g.port - 5900)
                                    : b.context.sketch ? std::string("0")
                                                       : std::string("0,to=999");
        text = fmt::format("{}:{}", Builder::value(bracketed(address)), display);
        if (g.websocket) text += fmt::format(",websocket={}", *g.websocket < 0 ? 5700 : *g.websocket);
    }
    if (!g.share_policy.empty()) text += ",share=" + g.share_policy;
    if (!g.passwd.empty()) text += ",password=on";
    if (text != "none") protect_vnc(b, text);
    if (!g.power_control.empty()) text += fmt::format(",power-control={}", g.power_control == "yes" ? "on" : "off");
    b.arg("-vnc", text + audiodev(b, g));
    return {};
}

// Which channels of a SPICE display go over TLS.
Result<std::string> spice_modes(const Graphics& g, bool secure, bool plain) {
    std::string text;
    const std::pair<std::string_view, bool> modes[] = {{"secure", secure}, {"insecure", plain}};
    for (const auto& [mode, there] : modes) {
        const std::string_view option = mode == "secure" ? "tls-channel" : "plaintext-channel";
        if (g.default_mode == mode) {
            if (!there)
                return Builder::unsupported("spice defaultMode {} requested in XML configuration, but {} connection is not available", mode,
                                            mode == "secure" ? "TLS" : "plaintext");
            text += fmt::format(",{}=default", option);
        }
        for (const GraphicsChannel& c : g.channels) {
            if (c.mode != mode) continue;
            if (!there)
                return Builder::unsupported("spice {} channels set in XML configuration, but {} connection is not available", mode,
                                            mode == "secure" ? "TLS" : "plaintext");
            text += fmt::format(",{}={}", option, c.name);
        }
    }
    return text;
}

Status spice(Builder& b, const Graphics& g) {
    const Protection& protection = b.context.protections.spice;
    const std::int32_t tls_port = g.tls_port.value_or(0);
    if (tls_port > 0 && !protection.tls)
        return Builder::unsupported("spice TLS port set in XML configuration, but TLS is disabled in qemu.conf");
    const GraphicsListen* const listen = listen_of(g);
    std::string text;
    bool plain = true;
    if (listen != nullptr && listen->type == ListenType::socket) {
        text = "unix,addr=" + Builder::value(listen->socket.empty() ? b.context.folder + "/spice.sock" : listen->socket);
    } else if (listen == nullptr || listen->type == ListenType::none) {
        text = "port=0";
    } else {
        const std::string address = listen->address.empty() ? "127.0.0.1" : listen->address;
        const std::int32_t port = g.port.value_or(-1);
        plain = port > 0 || tls_port <= 0;
        text = fmt::format("port={}", port > 0 ? port : b.context.sketch && plain ? 5901 : 0);
        if (tls_port > 0) text += fmt::format(",tls-port={}", tls_port);
        text += ",addr=" + Builder::value(address);
    }
    use_sasl(b, protection, text);
    if (g.passwd.empty()) text += ",disable-ticketing=on";
    if (tls_port > 0) text += ",x509-dir=" + Builder::value(protection.certificates);
    PV_ASSIGN_OR_RETURN(const std::string modes, spice_modes(g, tls_port > 0, plain));
    text += modes;
    if (!g.image_compression.empty()) text += ",image-compression=" + g.image_compression;
    if (!g.jpeg_compression.empty()) text += ",jpeg-wan-compression=" + g.jpeg_compression;
    if (!g.zlib_compression.empty()) text += ",zlib-glz-wan-compression=" + g.zlib_compression;
    if (g.playback_compression != OnOff::unset)
        text += fmt::format(",playback-compression={}", name(g.playback_compression));
    if (!g.streaming.empty()) text += ",streaming-video=" + g.streaming;
    if (g.mouse == "server") text += ",agent-mouse=off";
    if (g.mouse == "client") text += ",agent-mouse=on";
    if (g.copypaste == YesNo::no) text += ",disable-copy-paste=on";
    if (g.filetransfer == YesNo::no) text += ",disable-agent-file-xfer=on";
    if (g.gl.enable != YesNo::unset) text += fmt::format(",gl={}", g.gl.enable == YesNo::yes ? "on" : "off");
    if (!g.gl.rendernode.empty()) text += ",rendernode=" + Builder::value(g.gl.rendernode);
    b.arg("-spice", text + ",seamless-migration=on");
    return {};
}

std::string dbus(const Graphics& g) {
    if (g.p2p == YesNo::yes) return "dbus,p2p=on";
    return g.address.empty() ? "dbus" : "dbus,addr=" + Builder::value(g.address);
}

// A window on somebody's screen.
void sdl(Builder& b, const Graphics& g) {
    if (!g.xauth.empty()) b.line.env.push_back("XAUTHORITY=" + g.xauth);
    if (!g.display.empty()) b.line.env.push_back("DISPLAY=" + g.display);
    std::string text = "sdl";
    if (g.gl.enable != YesNo::unset) text += fmt::format(",gl={}", g.gl.enable == YesNo::yes ? "on" : "off");
    if (g.fullscreen == YesNo::yes) text += ",full-screen=on";
    b.arg("-display", text);
}

constexpr std::pair<std::string_view, std::string_view> kVideoDrivers[] = {
    {"vga", "VGA"}, {"cirrus", "cirrus-vga"}, {"vmvga", "vmware-svga"}, {"bochs", "bochs-display"},
    {"qxl", "qxl-vga"}, {"virtio", "virtio-vga"}, {"ramfb", "ramfb"}};

Status video(Builder& b, const Video& v, bool primary) {
    if (v.model.type == "none") return {};
    if (v.driver.name == "vhostuser") // no program for it comes with the emulator
        return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "Unable to find a satisfying vhost-user-gpu");
    std::string driver;
    for (const auto& [model, d] : kVideoDrivers) {
        if (model == v.model.type) driver = d;
    }
    if (driver.empty())
        return Builder::unsupported("domain configuration does not support video model '{}'", v.model.type);
    if (!primary && driver == "qxl-vga") driver = "qxl";
    if (driver == "virtio-vga") {
        const bool gl = v.model.acceleration.accel3d == YesNo::yes;
        driver = primary ? (gl ? "virtio-vga-gl" : "virtio-vga") : (gl ? "virtio-gpu-gl-pci" : "virtio-gpu-pci");
    }
    Options o{{"driver", driver}, {"id", v.info.alias.name}};
    const VideoModel& m = v.model;
    Builder::add_virtio(o, v.driver.virtio);
    if (m.type == "virtio" || m.type == "qxl") o["max_outputs"] = m.heads.value_or(1);
    if (m.type == "qxl") {
        o["ram_size"] = m.ram.value_or(65536) * 1024ULL;
        o["vram_size"] = m.vram.value_or(65536) * 1024ULL;
        o["vram64_size_mb"] = m.vram64.value_or(0) / 1024;
        o["vgamem_mb"] = m.vgamem.value_or(16384) / 1024;
    }
    if ((m.type == "vga" || m.type == "vmvga") && m.vram) o["vgamem_mb"] = *m.vram / 1024;
    if (m.type == "bochs" && m.vram) o["vgamem"] = *m.vram * 1024ULL;
    if (m.blob != OnOff::unset && m.type == "virtio") o["blob"] = m.blob == OnOff::on;
    if (m.resolution_x && m.resolution_y) {
        o["xres"] = *m.resolution_x;
        o["yres"] = *m.resolution_y;
    }
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
    if (r.backend.model == "random" || r.backend.model.empty()) {
        b.json("-object", {{"qom-type", "rng-random"},
                           {"id", object},
                           {"filename", r.backend.path.empty() ? "/dev/urandom" : r.backend.path}});
    } else if (r.backend.model == "builtin") {
        b.json("-object", {{"qom-type", "rng-builtin"}, {"id", object}});
    } else {
        const auto found = std::find(std::begin(kChardevTypes), std::end(kChardevTypes), r.backend.type);
        if (r.backend.model != "egd" || found == std::end(kChardevTypes))
            return Builder::unsupported("rng '{}': there is no backend '{}' of type '{}'", r.info.alias.name, r.backend.model, r.backend.type);
        const std::string chardev = "char" + r.info.alias.name;
        PV_TRY(b.chardev(chardev, static_cast<ChardevType>(found - std::begin(kChardevTypes)), r.backend.sources,
                         r.backend.protocol, {}, {}));
        b.json("-object", {{"qom-type", "rng-egd"}, {"id", object}, {"chardev", chardev}});
    }
    Options o{{"driver", Builder::virtio_driver("virtio-rng", r.model)}};
    Builder::add_virtio(o, r.driver);
    o["rng"] = object;
    o["id"] = r.info.alias.name;
    if (r.rate_bytes) {
        o["max-bytes"] = *r.rate_bytes;
        o["period"] = r.rate_period.value_or(1000);
    }
    b.add_pci(o, r.info);
    b.device(o);
    return {};
}

Status panic(Builder& b, const Panic& p) {
    if (p.model == "hyperv") return {}; // a feature of the CPU
    if (p.model == "pseries") return Builder::unsupported("only pSeries guests support panic device of model 'pseries'");
    if (p.model == "s390") return Builder::unsupported("only S390 guests support panic device of model 's390'");
    Options o{{"driver", p.model == "pvpanic" ? "pvpanic-pci" : "pvpanic"}};
    if (p.info.address && p.info.address->iobase) o["ioport"] = *p.info.address->iobase;
    b.add_pci(o, p.info);
    b.device(o);
    return {};
}

} // namespace

std::vector<std::string> tap_names(const Interface& i) {
    const std::string stem = "fd-" + i.info.alias.name;
    if (queues_of(i) == 1) return {stem};
    std::vector<std::string> all;
    for (std::size_t queue = 0; queue < queues_of(i); ++queue) all.push_back(fmt::format("{}-{}", stem, queue));
    return all;
}

Status add_one(Builder& b, const Interface& i) { return interface(b, i, false); }
Status add_one(Builder& b, const Input& i) { return input(b, i); }
Status add_one(Builder& b, const Watchdog& w) { return watchdog(b, w); }
Status add_one(Builder& b, const Rng& r) { return rng(b, r); }

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
    add_audios(b);
    for (const Graphics& g : b.domain.devices.graphics) {
        switch (g.type) {
        case GraphicsType::vnc: PV_TRY(vnc(b, g)); break;
        case GraphicsType::spice: PV_TRY(spice(b, g)); break;
        case GraphicsType::dbus:
            b.arg("-display", dbus(g) + (g.audio.id ? fmt::format(",audiodev=audio{}", *g.audio.id) : std::string()));
            break;
        case GraphicsType::sdl: sdl(b, g); break;
        case GraphicsType::egl_headless: {
            std::string node = g.gl.rendernode;
            if (node.empty() && b.context.host != nullptr) {
                if (b.context.host->render_nodes.empty())
                    return make_error(ErrorCode::system_error, ErrorDomain::none,
                                      "graphics 'egl-headless' needs a GPU's render node, and there is none in /dev/dri");
                node = b.context.host->render_nodes.front();
            }
            b.arg("-display", node.empty() ? "egl-headless" : "egl-headless,rendernode=" + Builder::value(node));
            break;
        }
        default:
            return Builder::unsupported("{} graphics are not supported with this QEMU", name(g.type));
        }
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

Status add_watchdogs(Builder& b) {
    for (const Watchdog& w : b.domain.devices.watchdogs) PV_TRY(watchdog(b, w));
    return {};
}

Status add_others(Builder& b) {
    const Devices& v = b.domain.devices;
    if (v.memballoon && v.memballoon->model != "none") {
        Options o{{"driver", Builder::virtio_driver("virtio-balloon", v.memballoon->model)}};
        Builder::add_virtio(o, v.memballoon->driver);
        o["id"] = v.memballoon->info.alias.name;
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
