// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/address.h"

#include "sdk/domain/names.h"

namespace polyvirt::sdk::domain {
namespace {

xml::Rule hex(int digits, std::uint64_t max) {
    xml::Rule r;
    r.hex = digits;
    r.max = max;
    return r;
}
xml::Rule up_to(std::uint64_t max) {
    xml::Rule r;
    r.max = max;
    return r;
}

} // namespace

Address Address::pci(std::uint32_t bus, std::uint32_t slot, std::uint32_t function) {
    Address a;
    a.type = AddressType::pci;
    a.domain = 0;
    a.bus = bus;
    a.slot = slot;
    a.function = function;
    return a;
}

Address Address::drive(std::uint32_t controller, std::uint32_t bus, std::uint32_t target,
                       std::uint32_t unit) {
    Address a;
    a.type = AddressType::drive;
    a.controller = controller;
    a.bus = bus;
    a.target = target;
    a.unit = unit;
    return a;
}

Address Address::usb(std::uint32_t bus, std::string port) {
    Address a;
    a.type = AddressType::usb;
    a.bus = bus;
    a.port = std::move(port);
    return a;
}

Address Address::virtio_serial(std::uint32_t controller, std::uint32_t bus, std::uint32_t port) {
    Address a;
    a.type = AddressType::virtio_serial;
    a.controller = controller;
    a.bus = bus;
    a.port = std::to_string(port);
    return a;
}

void describe(xml::Binder& b, Address& a) {
    b.attr("type", a.type, xml::kRequired);
    b.when(a.type == AddressType::pci, "type is pci", [&] {
        b.attr("domain", a.domain, hex(4, 0xffff));
        b.attr("bus", a.bus, hex(2, 0xff));
        b.attr("slot", a.slot, hex(2, 0x1f));
        b.attr("function", a.function, hex(1, 7));
        b.attr("multifunction", a.multifunction);
        b.group("zpci", [&] {
            b.attr("uid", a.zpci_uid, hex(4, 0xffff));
            b.attr("fid", a.zpci_fid, hex(8, 0xffffffff));
        });
    });
    b.when(a.type == AddressType::drive, "type is drive", [&] {
        b.attr("controller", a.controller);
        b.attr("bus", a.bus);
        b.attr("target", a.target);
        b.attr("unit", a.unit);
    });
    b.when(a.type == AddressType::virtio_serial, "type is virtio-serial", [&] {
        b.attr("controller", a.controller);
        b.attr("bus", a.bus);
        b.attr("port", a.port);
    });
    b.when(a.type == AddressType::ccid, "type is ccid", [&] {
        b.attr("controller", a.controller);
        b.attr("slot", a.slot);
    });
    b.when(a.type == AddressType::usb, "type is usb", [&] {
        b.attr("bus", a.bus);
        b.attr("port", a.port);
    });
    b.when(a.type == AddressType::isa, "type is isa", [&] {
        b.attr("iobase", a.iobase, hex(0, 0xffff));
        b.attr("irq", a.irq, hex(0, 0xff));
    });
    b.when(a.type == AddressType::dimm, "type is dimm", [&] {
        b.attr("slot", a.slot, up_to(0xffffffff));
        b.attr("base", a.base, hex(0, ~std::uint64_t{0}));
    });
}

void describe(xml::Binder& b, Alias& a) {
    b.attr("name", a.name);
}

void describe(xml::Binder& b, Boot& v) {
    b.attr("order", v.order, xml::Rule{}.limits(1, 0xffffffff));
    b.attr("loadparm", v.loadparm);
}

void describe_info(xml::Binder& b, DeviceInfo& info) {
    b.child("boot", info.boot);
    b.child("alias", info.alias);
    b.child("address", info.address);
}

void describe_virtio(xml::Binder& b, VirtioOptions& v) {
    b.attr("iommu", v.iommu);
    b.attr("ats", v.ats);
    b.attr("packed", v.packed);
    b.attr("page_per_vq", v.page_per_vq);
}

void describe(xml::Binder& b, HostAddress& v) {
    xml::Rule four, two, one;
    four.hex = 4;
    two.hex = 2;
    one.hex = 1;
    // PCI addresses have a slot, the others don't; each prints as its kind does.
    const bool pci = v.slot || v.function || v.domain;
    b.attr("type", v.type);
    b.when(pci, "on PCI", [&] {
        b.attr("domain", v.domain, four.limits(0, 0xffff'ffff));
        b.attr("bus", v.bus, two.limits(0, 255));
        b.attr("slot", v.slot, two.limits(0, 31));
        b.attr("function", v.function, one.limits(0, 7));
    });
    b.when(!pci, "not on PCI", [&] {
        b.attr("domain", v.domain, four);
        b.attr("slot", v.slot, two);
        b.attr("function", v.function, one);
        b.attr("bus", v.bus);
        b.attr("device", v.device);
        b.attr("target", v.target);
        b.attr("unit", v.unit);
        b.attr("uuid", v.uuid);
    });
}

void describe(xml::Binder& b, Rom& v) {
    b.attr("enabled", v.enabled);
    b.attr("bar", v.bar);
    b.attr("file", v.file);
}

void describe(xml::Binder& b, Teaming& v) {
    b.attr("type", v.type, xml::one_of(names::kTeaming, true));
    b.attr("persistent", v.persistent);
}

void describe(xml::Binder& b, SourceLabel& v) {
    b.attr("model", v.model);
    b.attr("labelskip", v.labelskip);
    b.attr("relabel", v.relabel);
    b.element("label", v.label);
}

void describe(xml::Binder& b, Reconnect& v) {
    b.attr("enabled", v.enabled, xml::kRequired);
    b.attr("timeout", v.timeout);
}

} // namespace polyvirt::sdk::domain
