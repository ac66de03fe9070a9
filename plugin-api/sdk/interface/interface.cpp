// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/interface/interface.h"

#include <algorithm>

#include "sdk/xml/format.h"

namespace polyvirt::sdk::interface {

static void describe(xml::Binder& b, Link& v) {
    b.attr("speed", v.speed);
    b.attr("state", v.state);
}
static void describe(xml::Binder& b, Dhcp& v) {
    b.attr("peerdns", v.peerdns);
}
static void describe(xml::Binder& b, Ip& v) {
    b.attr("address", v.address, xml::kRequired);
    b.attr("prefix", v.prefix, xml::Rule{}.limits(0, 128));
}
static void describe(xml::Binder& b, Route& v) {
    b.attr("gateway", v.gateway, xml::kRequired);
}
static void describe(xml::Binder& b, Protocol& v) {
    b.attr("family", v.family, xml::kRequired);
    b.flag("autoconf", v.autoconf);
    b.child("dhcp", v.dhcp);
    b.child("ip", v.ips);
    b.child("route", v.routes);
    const bool v6 = v.family == Family::ipv6;
    b.require(v6 || !v.autoconf, "<autoconf> belongs to family 'ipv6'");
    b.require(std::all_of(v.ips.begin(), v.ips.end(),
                          [v6](const Ip& ip) {
                              return !ip.address ||
                                     (ip.address->v6 == v6 && ip.prefix.value_or(0) <= ip.address->bits());
                          }),
              "an address or prefix does not belong to the protocol's family");
}
static void describe(xml::Binder& b, Miimon& v) {
    b.attr("freq", v.freq, xml::kRequired);
    b.attr("downdelay", v.downdelay);
    b.attr("updelay", v.updelay);
    b.attr("carrier", v.carrier);
}
static void describe(xml::Binder& b, Arpmon& v) {
    b.attr("interval", v.interval, xml::kRequired);
    b.attr("target", v.target, xml::kRequired);
    b.attr("validate", v.validate);
}
static void describe(xml::Binder& b, Bridge& v) {
    b.attr("stp", v.stp);
    b.attr("delay", v.delay);
    b.child("interface", v.interfaces);
}
static void describe(xml::Binder& b, Bond& v) {
    b.attr("mode", v.mode);
    b.child("miimon", v.miimon);
    b.child("arpmon", v.arpmon);
    b.require(!v.miimon || !v.arpmon, "a bond is watched by either <miimon> or <arpmon>");
    b.child("interface", v.interfaces);
    b.require(!v.interfaces.empty(), "a bond needs an <interface>");
}
static void describe(xml::Binder& b, VlanDevice& v) {
    b.attr("name", v.name, xml::kRequired);
}
static void describe(xml::Binder& b, Vlan& v) {
    b.attr("tag", v.tag, xml::Rule{true}.limits(0, 4095));
    b.child("interface", v.device);
    b.require(v.device.has_value(), "<vlan> needs an <interface>");
}

void describe(xml::Binder& b, Interface& v) {
    b.attr("type", v.type, xml::kRequired);
    b.attr("name", v.name);
    b.group("start", [&] { b.attr("mode", v.start); });
    b.group("mtu", [&] { b.attr("size", v.mtu); });
    b.child("protocol", v.protocols);
    b.when(v.type == InterfaceType::ethernet, "type is ethernet",
           [&] { b.group("mac", [&] { b.attr("address", v.mac); }); });
    b.child("link", v.link);
    b.when(v.type == InterfaceType::bridge, "type is bridge", [&] { b.child("bridge", v.bridge); });
    b.when(v.type == InterfaceType::bond, "type is bond", [&] { b.child("bond", v.bond); });
    b.when(v.type == InterfaceType::vlan, "type is vlan", [&] { b.child("vlan", v.vlan); });
    const bool has_part = v.type == InterfaceType::bridge ? v.bridge.has_value()
                          : v.type == InterfaceType::bond ? v.bond.has_value()
                          : v.type == InterfaceType::vlan ? v.vlan.has_value()
                                                          : true;
    b.require(has_part, "an interface of type bridge, bond or vlan needs the element of that name");
}

Result<ParsedInterface> parse_interface(std::string_view text, const xml::Limits& limits) {
    PV_ASSIGN_OR_RETURN(const xml::Node root, xml::read(text, kInterfaceRoot.what, limits));
    return parse_interface(root);
}

Result<ParsedInterface> parse_interface(const xml::Node& root) {
    PV_ASSIGN_OR_RETURN(ParsedInterface parsed, xml::parse_root<Interface>(root, kInterfaceRoot));
    Interface& v = parsed.value;
    // A VLAN is named for what it stands on.
    if (v.name.empty() && v.vlan)
        v.name = fmt::format("{}.{}", v.vlan->device->name, *v.vlan->tag);
    if (v.name.empty())
        return make_error(ErrorCode::xml_error, ErrorDomain::interface, "interface has no name");
    if (v.name.find('/') != std::string::npos)
        return make_error(ErrorCode::xml_error, ErrorDomain::interface, "interface name {} cannot contain '/'",
                          v.name);
    return parsed;
}

std::string format_interface(const Interface& v) {
    return xml::format("interface", v);
}

} // namespace polyvirt::sdk::interface
