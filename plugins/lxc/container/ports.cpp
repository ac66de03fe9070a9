// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "container/ports.h"

#include <atomic>

#include <net/if.h>

#include <polyvirt/driver.h>
#include <polyvirt/gen/net_network.h>
#include <polyvirt/gen/net_port.h>

#include "base/error_text.h"
#include "base/log.h"
#include "sdk/network/port.h"

namespace polyvirt::lxc {
namespace {

using namespace sdk::domain;
namespace network = sdk::network;

// The lowest "vnetN" that this host does not have and that nobody here was given. If another program takes it first,
// the start fails and says so.
std::string free_name() {
    static std::atomic<unsigned> next{0};
    for (unsigned tries = 0; tries < 100'000; ++tries) {
        std::string name = fmt::format("vnet{}", next.fetch_add(1) % 1'000'000);
        if (::if_nametoindex(name.c_str()) == 0) return name;
    }
    return {};
}

network::Port port_for(const Domain& d, const Interface& i) {
    network::Port port;
    port.uuid = Uuid::random();
    port.owner.name = d.name;
    port.owner.uuid = d.uuid;
    port.mac = i.mac.address;
    port.group = i.source.portgroup;
    port.virtual_port = i.virtualport;
    port.bandwidth = i.bandwidth;
    port.vlan = i.vlan;
    return port;
}

Result<network::Plug> plug_of(const plugin::Neighbours& others, const plugin::Services& s, std::uint64_t port) {
    const plugin::Buffer text(s, 65'536);
    pv_port_xml_desc_in in{};
    pv_port_xml_desc_out out{};
    out.xml = text.get();
    PV_TRY(others.call<ops::net_port::xml_desc>(port, in, out));
    PV_ASSIGN_OR_RETURN(const auto parsed, network::parse_port(text.text()));
    if (!parsed.value.plug)
        return make_error(ErrorCode::internal_error, ErrorDomain::lxc, "the network driver's port ends nowhere");
    return *parsed.value.plug;
}

Result<Link> take_port(const plugin::Services& s, pv_call* call, const Domain& d, Interface& i,
                       std::vector<HeldPort>& held) {
    const plugin::Neighbours others(s, call);
    if (!others.implements<ops::net_port::create_xml>())
        return make_error(ErrorCode::config_unsupported, ErrorDomain::lxc,
                          "no driver of networks is there for network '{}'", i.source.network);
    PV_ASSIGN_OR_RETURN(const std::uint64_t net, others.find(PV_KIND_NETWORK, i.source.network));
    if (net == 0)
        return make_error(ErrorCode::no_network, ErrorDomain::network, "no network with matching name '{}'",
                          i.source.network);
    const network::Port port = port_for(d, i);
    const std::string xml = format_port(port);
    pv_port_create_xml_in in{};
    in.xml = xml.c_str();
    pv_port_create_xml_out out{};
    PV_TRY(others.call<ops::net_port::create_xml>(net, in, out));
    if (out.obj == 0)
        return make_error(ErrorCode::internal_error, ErrorDomain::lxc, "network '{}' gave no port", i.source.network);
    held.push_back({i.source.network, port.uuid->to_string()});
    PV_ASSIGN_OR_RETURN(const network::Plug plug, plug_of(others, s, out.obj));
    i.source.port_id = port.uuid->to_string();
    if (plug.type == network::PlugType::direct)
        return Link{Link::Kind::macvlan, plug.dev, "",
                    std::string(network::kPlugModes[static_cast<std::size_t>(plug.mode)])};
    if (plug.bridge.empty())
        return make_error(ErrorCode::config_unsupported, ErrorDomain::lxc,
                          "network '{}' gives a container neither a bridge nor a device", i.source.network);
    return Link{Link::Kind::veth, plug.bridge, free_name(), ""};
}

Result<Link> link_of(const plugin::Services& s, pv_call* call, const Domain& d, Interface& i,
                     std::vector<HeldPort>& held) {
    switch (i.type) {
    case InterfaceType::bridge: return Link{Link::Kind::veth, i.source.bridge, free_name(), ""};
    case InterfaceType::ethernet: return Link{Link::Kind::veth, "", free_name(), ""};
    case InterfaceType::direct:
        return Link{Link::Kind::macvlan, i.source.dev, "",
                    i.source.mode.empty()            ? "vepa"
                    : i.source.mode == "passthrough" ? "passthru"
                                                     : i.source.mode};
    case InterfaceType::network: return take_port(s, call, d, i, held);
    default:
        return make_error(ErrorCode::config_unsupported, ErrorDomain::lxc, "Unsupported network type {}",
                          kInterfaceTypes[static_cast<std::size_t>(i.type)]);
    }
}

} // namespace

Result<std::vector<Link>> take_links(const plugin::Services& s, pv_call* call, Domain& d, std::vector<HeldPort>& held) {
    std::vector<Link> links;
    for (Interface& i : d.devices.interfaces) {
        PV_ASSIGN_OR_RETURN(Link link, link_of(s, call, d, i, held));
        if (!link.to.empty() && ::if_nametoindex(link.to.c_str()) == 0)
            return make_error(ErrorCode::operation_failed, ErrorDomain::lxc,
                              "Cannot get interface MTU on '{}': No such device", link.to);
        // One that the user chose is his; liblxc says if it is taken.
        if (link.kind == Link::Kind::veth && !i.target.dev.empty()) link.name = i.target.dev;
        i.target.dev = link.name;
        links.push_back(std::move(link));
    }
    return links;
}

void give_back(const plugin::Services& s, const std::vector<HeldPort>& held) {
    const plugin::Neighbours others(s, nullptr);
    for (const HeldPort& h : held) {
        const auto net = others.find(PV_KIND_NETWORK, h.network);
        if (!net || *net == 0) continue; // it went with its network
        const auto port = others.find(PV_KIND_NETWORK_PORT, h.uuid, *net);
        if (!port || *port == 0) continue;
        pv_port_remove_out out{};
        if (const Status gone = others.call<ops::net_port::remove>(*port, {}, out); !gone)
            log::warning("lxc", "port {} of network '{}' is not given back: {}", h.uuid, h.network,
                         gone.error().message);
    }
}

} // namespace polyvirt::lxc
