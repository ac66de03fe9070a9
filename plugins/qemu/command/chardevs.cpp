// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Serial lines, parallel ports, consoles, channels.

#include <charconv>

#include "command/builder.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

Result<std::string> backend(const Builder& b, const Chardev& c, const std::string& id) {
    const ChardevSource none;
    const ChardevSource& s = c.sources.empty() ? none : c.sources.front();
    const std::string path = Builder::value(s.path);
    switch (c.type) {
    case ChardevType::pty: return fmt::format("pty,id={}", id);
    case ChardevType::null: return fmt::format("null,id={}", id);
    case ChardevType::vc: return fmt::format("vc,id={}", id);
    case ChardevType::file:
        return fmt::format("file,id={},path={}{}", id, path,
                           s.append == OnOff::on ? ",append=on" : s.append == OnOff::off ? ",append=off" : "");
    case ChardevType::dev: return fmt::format("serial,id={},path={}", id, path);
    case ChardevType::pipe: return fmt::format("pipe,id={},path={}", id, path);
    case ChardevType::unix_:
        if (s.path.empty())
            return fmt::format("socket,id={},path={},server=on,wait=off", id,
                               Builder::value(b.context.folder + "/" + (c.target.name.empty() ? id : c.target.name)));
        if (s.mode == "connect") return fmt::format("socket,id={},path={},reconnect=0", id, path);
        return fmt::format("socket,id={},path={},server=on,wait=off", id, path);
    case ChardevType::tcp:
        return fmt::format("socket,id={},host={},port={}{}{}", id, Builder::value(s.host), Builder::value(s.service),
                           c.protocol == "telnet" ? ",telnet=on" : "",
                           s.mode == "bind" ? ",server=on,wait=off" : ",reconnect=0");
    default:
        return Builder::unsupported("character device '{}': type '{}' is not supported by this version", id, name(c.type));
    }
}

Status serial(Builder& b, const Chardev& c) {
    const std::string id = "char" + c.info.alias.name;
    PV_ASSIGN_OR_RETURN(const std::string back, backend(b, c, id));
    b.arg("-chardev", back);
    const std::string driver = c.target.model.empty() ? "isa-serial" : c.target.model;
    Options o{{"driver", driver}, {"chardev", id}, {"id", c.info.alias.name}};
    if (driver == "isa-serial") o["index"] = c.target.port.value_or(0);
    b.add_pci(o, c.info);
    b.add_usb(o, c.info);
    b.device(o);
    return {};
}

Status parallel(Builder& b, const Chardev& c) {
    const std::string id = "char" + c.info.alias.name;
    PV_ASSIGN_OR_RETURN(const std::string back, backend(b, c, id));
    b.arg("-chardev", back);
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
        return Builder::unsupported("console '{}': target type '{}' is not supported by this version", c.info.alias.name,
                                    c.target.type);
    const std::string id = "char" + c.info.alias.name;
    PV_ASSIGN_OR_RETURN(const std::string back, backend(b, c, id));
    b.arg("-chardev", back);
    Options o{{"driver", "virtconsole"}};
    virtio_place(b, o, c);
    o["chardev"] = id;
    o["id"] = c.info.alias.name;
    b.device(o);
    return {};
}

Status channel(Builder& b, const Chardev& c) {
    if (c.target.type != "virtio")
        return Builder::unsupported("channel '{}': target type '{}' is not supported by this version", c.info.alias.name,
                                    c.target.type);
    const std::string id = "char" + c.info.alias.name;
    PV_ASSIGN_OR_RETURN(const std::string back, backend(b, c, id));
    b.arg("-chardev", back);
    Options o{{"driver", "virtserialport"}};
    virtio_place(b, o, c);
    o["chardev"] = id;
    o["id"] = c.info.alias.name;
    if (!c.target.name.empty()) o["name"] = c.target.name;
    b.device(o);
    return {};
}

} // namespace

Status add_chardevs(Builder& b) {
    for (const Chardev& c : b.domain.devices.serials) PV_TRY(serial(b, c));
    for (const Chardev& c : b.domain.devices.parallels) PV_TRY(parallel(b, c));
    for (const Chardev& c : b.domain.devices.channels) PV_TRY(channel(b, c));
    for (const Chardev& c : b.domain.devices.consoles) PV_TRY(console(b, c));
    return {};
}

} // namespace polyvirt::qemu
