// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "allocate.h"

#include <algorithm>

#include "base/error_text.h"
#include "functions.h"

namespace polyvirt::network {
namespace {

namespace doc = sdk::network;

Result<const doc::PortGroup*> group_of(const doc::Port& port, const doc::Network& network) {
    const doc::PortGroup* usual = nullptr;
    for (const doc::PortGroup& group : network.port_groups) {
        if (!port.group.empty() && group.name == port.group) return &group;
        if (group.default_ == sdk::xml::YesNo::yes) usual = &group;
    }
    if (!port.group.empty())
        return make_error(ErrorCode::internal_error, ErrorDomain::network, "network '{}' has no portgroup '{}'",
                          network.name, port.group);
    return usual;
}

// The first that is given counts: the port's own, its group's, the network's.
template <typename T> void take(std::optional<T>& to, const std::optional<T>& group, const std::optional<T>& network) {
    if (!to) to = group ? group : network;
}
void take(sdk::xml::YesNo& to, sdk::xml::YesNo group, sdk::xml::YesNo network) {
    if (to == sdk::xml::YesNo::unset) to = group != sdk::xml::YesNo::unset ? group : network;
}

doc::VirtualPortType type_of(const doc::Port& port) {
    return port.virtual_port ? port.virtual_port->type : doc::VirtualPortType::unset;
}

// What the kind of the virtual port needs; who it is is made up where nobody says so. Errors: xml_error.
Status complete(doc::VirtualPort& v) {
    using enum doc::VirtualPortType;
    doc::VirtualPortParameters& p = v.parameters;
    const char* missing = nullptr;
    if (v.type == p8021Qbg) {
        missing = !p.manager_id ? "managerid" : !p.type_id ? "typeid" : !p.type_id_version ? "typeidversion" : nullptr;
        if (!p.instance_id) p.instance_id = Uuid::random();
    } else if (v.type == p8021Qbh && p.profile_id.empty()) {
        missing = "profileid";
    } else if (v.type == openvswitch && !p.interface_id) {
        p.interface_id = Uuid::random();
    } else if (v.type == midonet && !p.interface_id) {
        missing = "interfaceid";
    }
    if (missing == nullptr) return {};
    return make_error(ErrorCode::xml_error, ErrorDomain::network, "missing {} in <virtualport type='{}'>", missing,
                      doc::kVirtualPortTypes[static_cast<std::size_t>(v.type)]);
}

// Which virtual ports there can be follows from what the port is plugged into.
Status settle_virtual_port(doc::Port& port, const doc::Network& network) {
    using enum doc::VirtualPortType;
    const doc::VirtualPortType type = type_of(port);
    if (type == unset || type == none) return {};
    const bool direct = type == p8021Qbg || type == p8021Qbh;
    const char* in = nullptr;
    switch (port.plug->type) {
    case doc::PlugType::network: in = "IP forwarding"; break;
    case doc::PlugType::bridge: in = type == openvswitch ? nullptr : "a bridge device"; break;
    case doc::PlugType::direct: in = direct ? nullptr : "a macvtap device"; break;
    default: in = type == p8021Qbh ? nullptr : "an SR-IOV Virtual Function via PCI passthrough"; break;
    }
    if (in == nullptr) return complete(*port.virtual_port);
    return make_error(ErrorCode::config_unsupported, ErrorDomain::network,
                      "<virtualport type='{}'> not supported for network '{}' which uses {}",
                      doc::kVirtualPortTypes[static_cast<std::size_t>(type)], network.name, in);
}

Error none_left(const doc::Network& network) {
    return make_error(ErrorCode::internal_error, ErrorDomain::network,
                      "network '{}' requires exclusive access to interfaces, but none are available", network.name);
}

std::uint32_t count(const Uses& uses, const std::string& device) {
    const auto found = uses.find(device);
    return found == uses.end() ? 0U : found->second;
}

// A function that nobody has.
Result<doc::Plug> function_plug(const doc::Network& network, const Uses& uses) {
    for (const doc::ForwardAddress& a : network.forward->addresses) {
        if (count(uses, pci_name(a.pci)) != 0) continue;
        doc::Plug plug;
        plug.type = doc::PlugType::hostdev_pci;
        plug.managed = network.forward->managed;
        plug.driver = network.forward->driver;
        plug.address = a.pci;
        return plug;
    }
    return none_left(network);
}

// Whether two guests cannot be on one device.
bool is_exclusive(const doc::Port& port, const doc::Network& network) {
    return network.mode() == doc::ForwardMode::passthrough ||
           (network.mode() == doc::ForwardMode::private_ && type_of(port) == doc::VirtualPortType::p8021Qbh);
}

// The device that the fewest use; one alone where the mode wants it so.
Result<doc::Plug> direct_plug(const doc::Port& port, const doc::Network& network, const Uses& uses) {
    const doc::ForwardMode mode = network.mode();
    const doc::ForwardInterface* best = nullptr;
    for (const doc::ForwardInterface& i : network.forward->interfaces)
        if (best == nullptr || count(uses, i.dev) < count(uses, best->dev)) best = &i;
    if (best == nullptr)
        return make_error(ErrorCode::internal_error, ErrorDomain::network,
                          "network '{}' uses a direct mode, but has no forward dev and no interface pool",
                          network.name);
    if (is_exclusive(port, network) && count(uses, best->dev) > 0) return none_left(network);
    doc::Plug plug;
    plug.type = doc::PlugType::direct;
    plug.dev = best->dev;
    plug.mode = mode == doc::ForwardMode::private_      ? doc::PlugMode::private_
                : mode == doc::ForwardMode::vepa        ? doc::PlugMode::vepa
                : mode == doc::ForwardMode::passthrough ? doc::PlugMode::passthrough
                                                        : doc::PlugMode::bridge;
    return plug;
}

// The device is still the network's, and nobody else's who would have to have it alone.
Status check_device(const doc::Port& port, const doc::Network& network, const Uses& uses) {
    const std::string& dev = port.plug->dev;
    const auto& all = network.forward->interfaces;
    if (std::none_of(all.begin(), all.end(), [&](const doc::ForwardInterface& i) { return i.dev == dev; }))
        return make_error(ErrorCode::internal_error, ErrorDomain::network,
                          "network '{}' doesn't have dev='{}' in use by network port '{}'", network.name, dev,
                          port.uuid ? port.uuid->to_string() : "");
    if (!is_exclusive(port, network) || count(uses, dev) == 0) return {};
    return make_error(ErrorCode::internal_error, ErrorDomain::network,
                      "network '{}' claims dev='{}' is already in use by a different port", network.name, dev);
}

} // namespace

Status allocate(doc::Port& port, const doc::Network& network, const Uses& uses, bool reclaim) {
    PV_ASSIGN_OR_RETURN(const doc::PortGroup* const group, group_of(port, network));
    const doc::PortGroup none;
    const doc::PortGroup& g = group != nullptr ? *group : none;
    if (group != nullptr) port.group = group->name;
    take(port.bandwidth, g.bandwidth, std::optional<doc::Bandwidth>());
    take(port.virtual_port, g.virtual_port, network.virtual_port);
    take(port.vlan, g.vlan, network.vlan);
    take(port.trust_guest_rx_filters, g.trust_guest_rx_filters, network.trust_guest_rx_filters);
    take(port.isolated, sdk::xml::YesNo::unset, network.isolated_ports);
    doc::Plug plug;
    if (network.bridge && !network.bridge->name.empty()) {
        plug.type = network.owns_bridge() ? doc::PlugType::network : doc::PlugType::bridge;
        plug.bridge = network.bridge->name;
        plug.mac_table_manager = network.bridge->mac_table_manager;
    } else if (network.mode() == doc::ForwardMode::hostdev) {
        PV_ASSIGN_OR_RETURN(plug, function_plug(network, uses));
    } else if (reclaim && port.plug && port.plug->type == doc::PlugType::direct) {
        PV_TRY(check_device(port, network, uses));
        plug = *port.plug;
    } else {
        PV_ASSIGN_OR_RETURN(plug, direct_plug(port, network, uses));
    }
    port.plug = plug;
    return settle_virtual_port(port, network);
}

} // namespace polyvirt::network
