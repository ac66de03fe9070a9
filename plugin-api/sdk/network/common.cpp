// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/network/common.h"

#include "base/error_text.h"

namespace polyvirt::sdk::network {
namespace {

xml::Rule hex(int digits, std::uint64_t max) {
    xml::Rule r;
    r.hex = digits;
    return r.limits(0, max);
}

} // namespace

void describe_pci(xml::Binder& b, PciAddress& v) {
    b.attr("domain", v.domain, hex(4, 0xffffffff));
    b.attr("bus", v.bus, hex(2, 0xff));
    b.attr("slot", v.slot, hex(2, 0x1f));
    b.attr("function", v.function, hex(1, 7));
}

void describe(xml::Binder& b, VirtualPortParameters& v) {
    b.attr("managerid", v.manager_id, xml::Rule{}.limits(0, 0xff));
    b.attr("typeid", v.type_id, xml::Rule{}.limits(0, 0xffffff));
    b.attr("typeidversion", v.type_id_version, xml::Rule{}.limits(0, 0xff));
    b.attr("instanceid", v.instance_id);
    b.attr("interfaceid", v.interface_id);
    b.attr("profileid", v.profile_id);
    b.require(v.profile_id.size() <= 39, "a profileid has at most 39 characters");
}

void describe(xml::Binder& b, VirtualPort& v) {
    b.attr("type", v.type);
    b.child("parameters", v.parameters);
    const VirtualPortParameters& p = v.parameters;
    const bool qbg = p.manager_id || p.type_id || p.type_id_version || p.instance_id;
    b.require(!qbg || v.type == VirtualPortType::unset || v.type == VirtualPortType::p8021Qbg,
              "managerid, typeid, typeidversion and instanceid belong to type '802.1Qbg'");
    b.require(!p.interface_id || v.type == VirtualPortType::unset ||
                  v.type == VirtualPortType::openvswitch || v.type == VirtualPortType::midonet,
              "interfaceid belongs to the types 'openvswitch' and 'midonet'");
    b.require(p.profile_id.empty() || v.type == VirtualPortType::unset ||
                  v.type == VirtualPortType::openvswitch || v.type == VirtualPortType::p8021Qbh,
              "profileid belongs to the types '802.1Qbh' and 'openvswitch'");
}

void describe(xml::Binder& b, VlanTag& v) {
    b.attr("id", v.id, xml::Rule{true}.limits(0, 4095));
    b.attr("nativeMode", v.native_mode);
}

void describe(xml::Binder& b, Vlan& v) {
    b.attr("trunk", v.trunk);
    b.child("tag", v.tags);
}

Status complete_vlan(Vlan& v) {
    if (v.tags.empty())
        return make_error(ErrorCode::xml_error, ErrorDomain::network,
                          "missing tag id - each <vlan> must have at least one <tag id='n'/> subelement");
    unsigned native = 0;
    for (const VlanTag& tag : v.tags)
        native += tag.native_mode != NativeMode::unset ? 1 : 0;
    if (native > 1)
        return make_error(ErrorCode::xml_error, ErrorDomain::network,
                          "duplicate native vlan setting: found {} tags with nativeMode, expected one",
                          native);
    const bool trunk = v.tags.size() > 1 || native > 0;
    if (trunk && v.trunk == YesNo::no)
        return make_error(ErrorCode::xml_error, ErrorDomain::network,
                          "invalid \"trunk='{}'\" in <vlan> - trunk='yes' is required for more than one "
                          "vlan tag and for a native one",
                          "no");
    v.trunk = trunk || v.trunk == YesNo::yes ? YesNo::yes : YesNo::unset;
    return {};
}

void describe(xml::Binder& b, BandwidthRate& v) {
    b.attr("average", v.average);
    b.attr("peak", v.peak);
    b.attr("floor", v.floor);
    b.attr("burst", v.burst);
}

void describe(xml::Binder& b, Bandwidth& v) {
    b.attr("classID", v.class_id, xml::Rule{}.limits(1, 0xffffffff));
    b.child("inbound", v.inbound);
    b.child("outbound", v.outbound);
    b.require(!v.inbound || v.inbound->average || v.inbound->floor,
              "<inbound> needs an attribute 'average' or 'floor'");
    b.require(!v.outbound || v.outbound->average, "<outbound> needs an attribute 'average'");
    b.require(!v.outbound || !v.outbound->floor, "'floor' has no meaning for <outbound>",
              ErrorCode::config_unsupported);
}

} // namespace polyvirt::sdk::network
