// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "net/port.h"

#include <algorithm>

#include <polyvirt/gen/net_network.h>
#include <polyvirt/gen/net_port.h>

#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "sdk/netlink/netlink.h"
#include "sdk/network/port.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
namespace network = sdk::network;
using plugin::Neighbours;

constexpr std::size_t kLongestDocument = 1 << 20;

Result<network::Port> document_of(const plugin::Services& s, const Neighbours& others, std::uint64_t port) {
    const plugin::Buffer text(s, kLongestDocument);
    if (!text || port == 0)
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu,
                          "the document of a network's port is not to be had");
    pv_port_xml_desc_out out{};
    out.xml = text.get();
    PV_TRY(others.call<ops::net_port::xml_desc>(port, {}, out));
    PV_ASSIGN_OR_RETURN(network::ParsedPort parsed, network::parse_port(text.text()));
    return std::move(parsed.value);
}

network::Port wanted_port(const std::string& name, const Uuid& guest, const Interface& i) {
    network::Port port;
    port.uuid = Uuid::parse(i.source.port_id);
    port.owner = {name, guest};
    port.mac = i.mac.address;
    port.group = i.source.portgroup;
    port.trust_guest_rx_filters = i.trust_guest_rx_filters;
    port.virtual_port = i.virtualport;
    port.bandwidth = i.bandwidth;
    port.vlan = i.vlan;
    port.isolated = i.isolated;
    return port;
}

// What the port is plugged into, in the guest's description.
Status plug_into(Interface& i, const network::Port& port) {
    if (!port.plug || (port.plug->type != network::PlugType::network && port.plug->type != network::PlugType::bridge))
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu,
                          "interface '{}': network '{}' has no bridge to plug it into", i.info.alias.name,
                          i.source.network);
    i.type = port.plug->type == network::PlugType::bridge ? InterfaceType::bridge : InterfaceType::network;
    i.source.bridge = port.plug->bridge;
    i.isolated = port.isolated;
    i.trust_guest_rx_filters = port.trust_guest_rx_filters;
    i.virtualport = port.virtual_port;
    i.vlan = port.vlan;
    if (!i.bandwidth) i.bandwidth = port.bandwidth;
    return {};
}

Status remove_port(const plugin::Services& s, const Interface& i) {
    const Neighbours others(s, nullptr);
    PV_ASSIGN_OR_RETURN(const std::uint64_t net, others.find(PV_KIND_NETWORK, i.source.network));
    if (net == 0) return {}; // it ended with the network
    PV_ASSIGN_OR_RETURN(const std::uint64_t port, others.find(PV_KIND_NETWORK_PORT, i.source.port_id, net));
    if (port == 0) return {};
    pv_port_remove_out out{};
    return others.call<ops::net_port::remove>(port, {}, out);
}

} // namespace

bool on_network(const Interface& i) {
    return (i.type == InterfaceType::network || i.type == InterfaceType::bridge) && !i.source.network.empty();
}

void name_port(Interface& i) {
    if (on_network(i) && i.source.port_id.empty()) i.source.port_id = Uuid::random().to_string();
}

void name_ports(Domain& domain) {
    for (Interface& i : domain.devices.interfaces) name_port(i);
}

Status make_port(const plugin::Services& s, pv_call* call, const std::string& name, const Uuid& guest, Interface& i) {
    const Neighbours others(s, call);
    PV_ASSIGN_OR_RETURN(const std::uint64_t net, others.find(PV_KIND_NETWORK, i.source.network));
    if (net == 0)
        return make_error(ErrorCode::no_network, ErrorDomain::network, "no network with matching name '{}'",
                          i.source.network);
    const std::string text = network::format_port(wanted_port(name, guest, i));
    pv_port_create_xml_in in{};
    in.xml = text.c_str();
    pv_port_create_xml_out out{};
    PV_TRY(others.call<ops::net_port::create_xml>(net, in, out));
    PV_ASSIGN_OR_RETURN(const std::uint64_t port, others.find(PV_KIND_NETWORK_PORT, i.source.port_id, net));
    PV_ASSIGN_OR_RETURN(const network::Port made, document_of(s, others, port));
    return plug_into(i, made);
}

void free_port(const plugin::Services& s, const std::string& guest, const Interface& i) {
    if (!on_network(i) || i.source.port_id.empty()) return;
    if (const Status gone = remove_port(s, i); !gone)
        log::warning("network", "domain '{}': its port {} of network '{}' stays: {}", guest, i.source.port_id,
                     i.source.network, gone.error().message);
}

void free_ports(const plugin::Services& s, const Domain& domain) {
    for (const Interface& i : domain.devices.interfaces) free_port(s, domain.name, i);
}

namespace {

// Taps outlive the bridge that they were in.
void plug_again(const Domain& live) {
    for (const Interface& i : live.devices.interfaces) {
        if (i.source.bridge.empty() || i.target.dev.empty()) continue;
        auto net = sdk::Netlink::open();
        if (!net) return;
        const auto tap = net->find(i.target.dev);
        if (!tap || !*tap || (*tap)->master != 0) continue;
        const Status done = net->set_master(i.target.dev, i.source.bridge);
        if (done)
            log::warning("network", "domain '{}': '{}' was in no bridge; it is in '{}' again", live.name, i.target.dev,
                         i.source.bridge);
        else
            log::error("network", "domain '{}': {}", live.name, done.error().message);
    }
}

std::shared_ptr<const Domain> live_of(Guest& guest) {
    const ObjectLock lock(guest.mu);
    return guest.live;
}

void free_strays(Driver& driver) {
    const plugin::Services& s = driver.services();
    const Neighbours others(s, nullptr);
    const auto ports = others.list(PV_KIND_NETWORK_PORT);
    if (!ports) return; // nobody has networks
    for (const std::uint64_t handle : *ports) {
        const auto port = document_of(s, others, handle);
        const GuestPtr guest = port && port->owner.uuid ? driver.guests().find(*port->owner.uuid) : nullptr;
        if (!guest) continue;
        const auto live = live_of(*guest);
        const std::string id = port->uuid->to_string();
        if (live && std::any_of(live->devices.interfaces.begin(), live->devices.interfaces.end(),
                                [&](const Interface& i) { return i.source.port_id == id; }))
            continue;
        pv_port_remove_out out{};
        const Status gone = others.call<ops::net_port::remove>(handle, {}, out);
        log::warning("network", "domain '{}': its port {} is left over{}", guest->name, id,
                     gone ? " and removed" : ": " + gone.error().message);
    }
}

} // namespace

void reconcile_ports(Driver& driver) {
    free_strays(driver);
    for (const GuestPtr& guest : driver.guests().all())
        if (const auto live = live_of(*guest)) plug_again(*live);
}

} // namespace polyvirt::qemu
