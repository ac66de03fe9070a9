// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Serial lines, parallel ports, consoles, channels.

#include <charconv>

#include "command/builder.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

// What a character device is called on SPICE's and D-Bus's side.
std::string_view peer_name(const Chardev& c) {
    if (c.type == ChardevType::spiceport || c.type == ChardevType::dbus)
        return c.sources.empty() ? std::string_view() : std::string_view(c.sources.front().channel);
    return "vdagent";
}

std::string reconnect(const ChardevSource& s) {
    if (!s.reconnect) return {};
    if (s.reconnect->enabled == YesNo::yes) return fmt::format(",reconnect={}", s.reconnect->timeout.value_or(0));
    return s.reconnect->enabled == YesNo::no ? ",reconnect=0" : "";
}

// The name of a socket that the document does not name: where its port is.
std::string own_socket(const Chardev& c) {
    if (!c.info.address || c.info.address->type != AddressType::virtio_serial) return c.info.alias.name;
    const Address& a = *c.info.address;
    std::uint32_t port = 0;
    std::from_chars(a.port.data(), a.port.data() + a.port.size(), port);
    return fmt::format("vioser-{:02}-{:02}-{:02}.sock", a.controller.value_or(0), a.bus.value_or(0), port);
}

std::string udp(const std::vector<ChardevSource>& sources) {
    ChardevSource to, local;
    for (const ChardevSource& s : sources) (s.mode == "bind" ? local : to) = s;
    return fmt::format("host={},port={},localaddr={},localport={}", Builder::value(to.host), to.service.empty() ? "0" : to.service,
                       Builder::value(local.host), local.service.empty() ? "0" : local.service);
}

// Where the emulator listens: a socket that it is given, or one that it makes.
Result<std::string> listening(const CommandContext& context, const std::string& id, const std::string& path) {
    if (!context.pass_socket) return fmt::format("socket,id={},path={},server=on,wait=off", id, Builder::value(path));
    PV_ASSIGN_OR_RETURN(const int number, context.pass_socket(path));
    return fmt::format("socket,id={},fd={},server=on,wait=off", id, number);
}

Result<std::string> options(const std::string& id, ChardevType type, const std::vector<ChardevSource>& sources,
                            std::string_view protocol, std::string_view peer, const CommandContext& context) {
    const ChardevSource none;
    const ChardevSource& s = sources.empty() ? none : sources.front();
    const std::string path = Builder::value(s.path);
    switch (type) {
    case ChardevType::pty: return fmt::format("pty,id={}", id);
    case ChardevType::null: return fmt::format("null,id={}", id);
    case ChardevType::vc: return fmt::format("vc,id={}", id);
    case ChardevType::stdio: return fmt::format("stdio,id={}", id);
    case ChardevType::file:
        return fmt::format("file,id={},path={}{}", id, path,
                           s.append == OnOff::unset ? "" : s.append == OnOff::on ? ",append=on" : ",append=off");
    case ChardevType::dev: return fmt::format("serial,id={},path={}", id, path);
    case ChardevType::pipe: return fmt::format("pipe,id={},path={}", id, path);
    case ChardevType::udp: return fmt::format("udp,id={},{}", id, udp(sources));
    case ChardevType::tcp: {
        const std::string_view telnet = protocol == "telnet" ? ",telnet=on" : "";
        const std::string end = s.mode == "bind" ? ",server=on,wait=off" : reconnect(s);
        return fmt::format("socket,id={},host={},port={}{}{}", id, Builder::value(s.host), s.service, telnet, end);
    }
    case ChardevType::unix_:
        if (s.path.empty()) return fmt::format("socket,id={},path={},server=on,wait=off", id, Builder::value(context.folder));
        if (s.mode == "connect") return fmt::format("socket,id={},path={}{}", id, path, reconnect(s));
        return listening(context, id, s.path);
    case ChardevType::spicevmc: return fmt::format("spicevmc,id={},name={}", id, peer);
    case ChardevType::spiceport: return fmt::format("spiceport,id={},name={}", id, peer);
    case ChardevType::dbus: return fmt::format("dbus,id={},name={}", id, peer);
    case ChardevType::qemu_vdagent:
        return fmt::format("qemu-vdagent,id={},name=vdagent,clipboard={},mouse={}", id, on_off(s.copypaste == YesNo::yes),
                           on_off(s.mouse == "client"));
    default:
        return Builder::unsupported("unsupported chardev '{}'", name(type));
    }
}

bool wants_tls(const std::vector<ChardevSource>& sources, const Protection& p) {
    return !sources.empty() && (sources.front().tls.empty() ? p.tls : sources.front().tls == "yes");
}

// A socket that the document gives no path is the guest's own, in its folder.
void name_own_socket(Chardev& c, const std::string& folder) {
    if (c.type != ChardevType::unix_ || (!c.sources.empty() && !c.sources.front().path.empty())) return;
    if (c.sources.empty()) c.sources.emplace_back();
    // A name may be anything, also one that leads out of the folder.
    const bool usable = !c.target.name.empty() && c.target.name.find('/') == std::string::npos;
    c.sources.front().path = folder + "/" + (usable ? c.target.name : own_socket(c));
    c.sources.front().mode = "bind";
}

Status add_backend(Builder& b, const Chardev& chardev, const std::string& id) {
    Chardev c = chardev;
    name_own_socket(c, b.context.folder);
    return b.chardev(id, c.type, c.sources, c.protocol, peer_name(c), c.log);
}

constexpr std::pair<std::string_view, std::string_view> kSerialDrivers[] = {
    {"", "isa-serial"}, {"isa-serial", "isa-serial"}, {"usb-serial", "usb-serial"}, {"pci-serial", "pci-serial"}, {"isa-debug", "isa-debugcon"}};

Status serial(Builder& b, const Chardev& c) {
    std::string_view driver;
    for (const auto& [target, found] : kSerialDrivers) {
        if (target == c.target.type) driver = found;
    }
    if (driver.empty()) return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "Invalid target model for serial device");
    if (!c.target.model.empty() && c.target.model != driver)
        return Builder::unsupported("Target model '{}' requires another target type than '{}'", c.target.model, c.target.type);
    const std::string id = "char" + c.info.alias.name;
    PV_TRY(add_backend(b, c, id));
    Options o{{"driver", driver}, {"chardev", id}, {"id", c.info.alias.name}};
    if (driver == "isa-debugcon" && c.info.address && c.info.address->iobase) o["iobase"] = *c.info.address->iobase;
    if (driver == "isa-serial") {
        o["index"] = c.target.port.value_or(0);
        if (c.info.address && c.info.address->iobase) o["iobase"] = *c.info.address->iobase;
        if (c.info.address && c.info.address->irq) o["irq"] = *c.info.address->irq;
    }
    b.add_pci(o, c.info);
    b.add_usb(o, c.info);
    b.device(o);
    return {};
}

Status parallel(Builder& b, const Chardev& c) {
    const std::string id = "char" + c.info.alias.name;
    if (c.type == ChardevType::dev) b.arg("-chardev", fmt::format("parallel,id={},path={}", id, Builder::value(c.sources.empty() ? std::string() : c.sources.front().path)));
    else PV_TRY(add_backend(b, c, id));
    b.device({{"driver", "isa-parallel"}, {"chardev", id}, {"id", c.info.alias.name}});
    return {};
}

void virtio_place(const Builder& b, Options& o, const Chardev& c) {
    if (!c.info.address || c.info.address->type != AddressType::virtio_serial) return;
    const Address& a = *c.info.address;
    std::string bus = fmt::format("virtio-serial{}", a.controller.value_or(0));
    for (const auto& controller : b.domain.devices.controllers) {
        if (controller.type == ControllerType::virtio_serial && controller.index == a.controller.value_or(0))
            bus = controller.info.alias.name;
    }
    o["bus"] = fmt::format("{}.{}", bus, a.bus.value_or(0));
    std::uint32_t port = 0;
    if (std::from_chars(a.port.data(), a.port.data() + a.port.size(), port).ec == std::errc{}) o["nr"] = port;
}

Status console(Builder& b, const Chardev& c) {
    if (c.target.type == "serial") return {}; // another name of the first serial line
    if (c.target.type != "virtio")
        return Builder::unsupported("unsupported console target type {}", c.target.type);
    const std::string id = "char" + c.info.alias.name;
    PV_TRY(add_backend(b, c, id));
    Options o{{"driver", "virtconsole"}};
    virtio_place(b, o, c);
    o["chardev"] = id;
    o["id"] = c.info.alias.name;
    b.device(o);
    return {};
}

Status channel(Builder& b, const Chardev& c) {
    if (c.target.type == "guestfwd") {
        const std::string id = "char" + c.info.alias.name;
        PV_TRY(add_backend(b, c, id));
        b.json("-netdev", {{"type", "user"},
                           {"guestfwd", Options::array({{{"str", fmt::format("tcp:{}:{}-chardev:{}", c.target.address, c.target.port.value_or(0), id)}}})},
                           {"id", c.info.alias.name}});
        return {};
    }
    if (c.target.type != "virtio")
        return Builder::unsupported("unsupported channel target type {}", c.target.type);
    const std::string id = "char" + c.info.alias.name;
    PV_TRY(add_backend(b, c, id));
    Options o{{"driver", "virtserialport"}};
    virtio_place(b, o, c);
    o["chardev"] = id;
    o["id"] = c.info.alias.name;
    if (!c.target.name.empty()) o["name"] = c.target.name;
    b.device(o);
    return {};
}

} // namespace

Status Builder::chardev(const std::string& id, ChardevType type, const std::vector<ChardevSource>& sources,
                        std::string_view protocol, std::string_view peer, const ChardevLog& log) {
    PV_ASSIGN_OR_RETURN(std::string text, options(id, type, sources, protocol, peer, context));
    if (const Protection& p = context.protections.chardev; type == ChardevType::tcp && wants_tls(sources, p)) {
        const std::string credentials = fmt::format("obj{}_tls0", id);
        tls(credentials, p, sources.front().mode == "bind");
        text += ",tls-creds=" + credentials;
    }
    if (!log.file.empty()) {
        text += ",logfile=" + value(log.file);
        if (log.append != OnOff::unset) text += log.append == OnOff::on ? ",logappend=on" : ",logappend=off";
    }
    arg("-chardev", text);
    return {};
}

Status add_serial(Builder& b, const Chardev& c) { return serial(b, c); }
Status add_channel(Builder& b, const Chardev& c) { return channel(b, c); }
Status add_console(Builder& b, const Chardev& c) { return console(b, c); }

void name_own_sockets(Domain& domain, const std::string& folder) {
    auto& d = domain.devices;
    for (auto* list : {&d.serials, &d.parallels, &d.channels, &d.consoles})
        for (Chardev& c : *list) name_own_socket(c, folder);
}

Status add_chardevs(Builder& b) {
    for (const Chardev& c : b.domain.devices.serials) PV_TRY(serial(b, c));
    for (const Chardev& c : b.domain.devices.parallels) PV_TRY(parallel(b, c));
    for (const Chardev& c : b.domain.devices.channels) PV_TRY(channel(b, c));
    for (const Chardev& c : b.domain.devices.consoles) PV_TRY(console(b, c));
    return {};
}

} // namespace polyvirt::qemu
