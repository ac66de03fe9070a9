// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/network/port.h"

#include "sdk/xml/format.h"

namespace polyvirt::sdk::network {

void describe(xml::Binder& b, PciAddress& v) {
    describe_pci(b, v);
}

void describe(xml::Binder& b, Plug& v) {
    b.attr("type", v.type, xml::kRequired);
    const bool bridged = v.type == PlugType::network || v.type == PlugType::bridge;
    b.when(bridged, "type is network or bridge", [&] {
        b.attr("bridge", v.bridge, xml::kRequired);
        b.attr("macTableManager", v.mac_table_manager);
    });
    b.when(v.type == PlugType::direct, "type is direct", [&] {
        b.attr("dev", v.dev, xml::kRequired);
        b.attr("mode", v.mode);
    });
    b.when(v.type == PlugType::hostdev_pci, "type is hostdev-pci", [&] {
        b.attr("managed", v.managed);
        b.group("driver", [&] { b.attr("name", v.driver); });
        b.child("address", v.address);
        b.require(v.address.has_value(), "a plug of type hostdev-pci needs an <address>");
    });
}

void describe(xml::Binder& b, PortOwner& v) {
    b.element("name", v.name);
    b.element("uuid", v.uuid);
}

void describe(xml::Binder& b, Port& v) {
    b.element("uuid", v.uuid);
    b.child("owner", v.owner);
    b.require(!v.owner.name.empty() && v.owner.uuid,
              "a port needs an <owner> with <name> and <uuid>");
    b.group("mac", [&] { b.attr("address", v.mac, xml::kRequired); });
    b.require(v.mac.has_value(), "a port needs <mac address='...'/>");
    b.element("group", v.group);
    b.group("rxfilters", [&] { b.attr("trustGuest", v.trust_guest_rx_filters); });
    b.child("virtualport", v.virtual_port);
    b.child("bandwidth", v.bandwidth);
    b.child("vlan", v.vlan);
    b.group("port", [&] { b.attr("isolated", v.isolated); });
    b.child("plug", v.plug);
}

Result<ParsedPort> parse_port(std::string_view text, const xml::Limits& limits) {
    PV_ASSIGN_OR_RETURN(const xml::Node root, xml::read(text, kPortRoot.what, limits));
    return parse_port(root);
}

Result<ParsedPort> parse_port(const xml::Node& root) {
    PV_ASSIGN_OR_RETURN(ParsedPort parsed, xml::parse_root<Port>(root, kPortRoot));
    if (!parsed.value.uuid)
        parsed.value.uuid = Uuid::random();
    if (parsed.value.vlan)
        PV_TRY(complete_vlan(*parsed.value.vlan));
    return parsed;
}

std::string format_port(const Port& v) {
    return xml::format("networkport", v);
}

} // namespace polyvirt::sdk::network
