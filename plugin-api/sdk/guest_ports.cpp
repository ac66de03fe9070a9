// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/guest_ports.h"

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/gen/net_network.h>
#include <polyvirt/gen/net_port.h>

#include "base/error_text.h"
#include "base/log.h"

namespace polyvirt::sdk {
namespace {

using domain::Interface;
using domain::InterfaceType;
using plugin::Neighbours;

constexpr std::size_t kLongestDocument = 1 << 20;

Result<network::Port> document_of(const plugin::Services& s, const Neighbours& others, std::uint64_t port) {
    const plugin::Buffer text(s, kLongestDocument);
    if (!text || port == 0)
        return make_error(ErrorCode::internal_error, ErrorDomain::network,
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

// What it stands on already; nothing: a bridge, which it can exchange for another.
std::optional<network::Plug> device_of(const Interface& i) {
    if (i.type != InterfaceType::direct) return std::nullopt;
    network::Plug plug;
    plug.type = network::PlugType::direct;
    plug.dev = i.source.dev;
    for (std::size_t mode = 0; mode < std::size(network::kPlugModes); ++mode)
        if (network::kPlugModes[mode] == i.source.mode) plug.mode = static_cast<network::PlugMode>(mode);
    return plug;
}

Result<network::Port> create_port(const plugin::Services& s, pv_call* call, const Interface& i, const network::Port& wanted,
                                  std::uint32_t flags) {
    const Neighbours others(s, call);
    PV_ASSIGN_OR_RETURN(const std::uint64_t net, others.find(PV_KIND_NETWORK, i.source.network));
    if (net == 0)
        return make_error(ErrorCode::no_network, ErrorDomain::network, "no network with matching name '{}'",
                          i.source.network);
    const std::string text = network::format_port(wanted);
    pv_port_create_xml_in in{};
    in.xml = text.c_str();
    in.flags = flags;
    pv_port_create_xml_out out{};
    PV_TRY(others.call<ops::net_port::create_xml>(net, in, out));
    PV_ASSIGN_OR_RETURN(const std::uint64_t port, others.find(PV_KIND_NETWORK_PORT, i.source.port_id, net));
    PV_ASSIGN_OR_RETURN(network::Port made, document_of(s, others, port));
    PV_TRY(refuse_virtual_port(made.virtual_port));
    return made;
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
    return (i.type == InterfaceType::network || i.type == InterfaceType::bridge || i.type == InterfaceType::direct) &&
           !i.source.network.empty();
}

void name_port(Interface& i) {
    if (on_network(i) && i.source.port_id.empty()) i.source.port_id = Uuid::random().to_string();
}

bool use_device(Interface& i, const network::Port& port) {
    if (!port.plug || port.plug->type != network::PlugType::direct) return false;
    i.type = InterfaceType::direct;
    i.source.dev = port.plug->dev;
    i.source.mode = network::kPlugModes[static_cast<std::size_t>(port.plug->mode)];
    return true;
}

Status refuse_virtual_port(const std::optional<network::VirtualPort>& port) {
    using enum network::VirtualPortType;
    if (!port || port->type == unset || port->type == none) return {};
    return make_error(ErrorCode::config_unsupported, ErrorDomain::network,
                      "virtual ports of type '{}' are not supported by this version",
                      network::kVirtualPortTypes[static_cast<std::size_t>(port->type)]);
}

Result<network::Port> make_port(const plugin::Services& s, pv_call* call, const std::string& name, const Uuid& guest,
                                const Interface& i) {
    return create_port(s, call, i, wanted_port(name, guest, i), 0);
}

Result<network::Port> regain_port(const plugin::Services& s, const std::string& name, const Uuid& guest,
                                  const Interface& i) {
    const Neighbours others(s, nullptr);
    PV_ASSIGN_OR_RETURN(const std::uint64_t net, others.find(PV_KIND_NETWORK, i.source.network));
    PV_ASSIGN_OR_RETURN(const std::uint64_t port,
                        net != 0 ? others.find(PV_KIND_NETWORK_PORT, i.source.port_id, net) : Result<std::uint64_t>(0));
    if (port != 0) return document_of(s, others, port);
    network::Port wanted = wanted_port(name, guest, i);
    wanted.plug = device_of(i);
    return create_port(s, nullptr, i, wanted, PV_NETWORK_PORT_CREATE_RECLAIM);
}

void free_port(const plugin::Services& s, const std::string& guest, const Interface& i) {
    if (!on_network(i) || i.source.port_id.empty()) return;
    if (const Status gone = remove_port(s, i); !gone)
        log::warning("network", "domain '{}': its port {} of network '{}' stays: {}", guest, i.source.port_id,
                     i.source.network, gone.error().message);
}

void free_strays(const plugin::Services& s, const std::function<bool(const network::Port&)>& stray) {
    const Neighbours others(s, nullptr);
    const auto ports = others.list(PV_KIND_NETWORK_PORT);
    if (!ports) return; // nobody has networks
    for (const std::uint64_t handle : *ports) {
        const auto port = document_of(s, others, handle);
        if (!port || !stray(*port)) continue;
        pv_port_remove_out out{};
        const Status gone = others.call<ops::net_port::remove>(handle, {}, out);
        log::warning("network", "domain '{}': its port {} is left over{}", port->owner.name, port->uuid->to_string(),
                     gone ? " and removed" : ": " + gone.error().message);
    }
}

} // namespace polyvirt::sdk
