// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/network/network.h"

#include <algorithm>

#include "sdk/xml/format.h"

namespace polyvirt::sdk::network {
namespace {

constexpr std::size_t kLongestName = 255;

template <typename... A> Error unsupported(fmt::format_string<A...> f, A&&... a) {
    return make_error(ErrorCode::config_unsupported, ErrorDomain::network, f,
                      std::forward<A>(a)...);
}
template <typename... A> Error xml_error(fmt::format_string<A...> f, A&&... a) {
    return make_error(ErrorCode::xml_error, ErrorDomain::network, f, std::forward<A>(a)...);
}

std::string_view name_of(ForwardMode mode) {
    return kForwardModes[static_cast<std::size_t>(mode)];
}

bool has_layer3(ForwardMode mode) {
    return mode == ForwardMode::none || mode == ForwardMode::nat || mode == ForwardMode::route ||
           mode == ForwardMode::open;
}

// <forward>: what may stand in it depends on its mode.
Status complete_forward(Forward& f, const std::string& network) {
    if (f.mode == ForwardMode::unset)
        f.mode = ForwardMode::nat;
    const int kinds = (f.pfs.empty() ? 0 : 1) + (f.addresses.empty() ? 0 : 1) +
                      (f.interfaces.empty() && f.dev.empty() ? 0 : 1);
    if (f.pfs.size() > 1)
        return xml_error("Only one <pf> element is allowed in <forward> of network {}", network);
    if (!f.pfs.empty() && !f.addresses.empty())
        return xml_error("<address> and <pf> elements in <forward> of network {} are mutually exclusive",
                         network);
    if (kinds > 1 && !f.addresses.empty())
        return xml_error("<address> and <interface> elements in <forward> of network {} are mutually "
                         "exclusive",
                         network);
    if (f.nat && f.mode != ForwardMode::nat)
        return xml_error("The <nat> element can only be used when <forward> 'mode' is 'nat' in network {}",
                         network);
    if (f.nat && f.nat->address && *f.nat->address->end < *f.nat->address->start)
        return xml_error("<address> of <nat> in network {}: '{}' comes after '{}'", network,
                         f.nat->address->start->to_string(), f.nat->address->end->to_string());
    if (f.nat && f.nat->port && *f.nat->port->end < *f.nat->port->start)
        return xml_error("<port> of <nat> in network {}: {} comes after {}", network,
                         *f.nat->port->start, *f.nat->port->end);
    // The old form of one interface; both are printed.
    if (!f.dev.empty()) {
        if (f.interfaces.empty())
            f.interfaces.push_back({f.dev, {}});
        else if (f.interfaces.front().dev != f.dev)
            return xml_error("forward dev '{}' must match first interface element dev '{}' in network '{}'",
                             f.dev, f.interfaces.front().dev, network);
    } else if (!f.interfaces.empty()) {
        f.dev = f.interfaces.front().dev;
    }
    if (f.mode == ForwardMode::hostdev && f.managed == YesNo::unset)
        f.managed = YesNo::no;
    const bool one_only = f.mode == ForwardMode::nat || f.mode == ForwardMode::route;
    if (one_only && f.interfaces.size() > 1)
        return xml_error("multiple forwarding interfaces specified for network '{}', only one is supported",
                         network);
    return {};
}

Status check_forward_devices(const Network& v) {
    const Forward& f = *v.forward;
    switch (f.mode) {
    case ForwardMode::nat:
    case ForwardMode::route:
    case ForwardMode::none:
        if (!f.pfs.empty() || !f.addresses.empty())
            return xml_error("{} of network '{}' has no meaning with forward mode='{}'",
                             f.pfs.empty() ? "<address>" : "<pf>", v.name, name_of(f.mode));
        return {};
    case ForwardMode::open:
        if (!f.interfaces.empty())
            return xml_error("forward dev not allowed for network '{}' with forward mode='{}'", v.name,
                             name_of(f.mode));
        return {};
    case ForwardMode::passthrough:
    case ForwardMode::private_:
    case ForwardMode::vepa:
        if (!f.addresses.empty())
            return unsupported("network '{}' has forward mode '{}'  but lists a device by PCI address in the "
                               "device pool. This is only supported for networks that use forward mode='hostdev'",
                               v.name, name_of(f.mode));
        return {};
    default:
        return {};
    }
}

Status complete_bridge(Network& v) {
    const ForwardMode mode = v.mode();
    if (v.owns_bridge()) {
        if (!v.bridge)
            v.bridge.emplace();
        if (v.bridge->stp == OnOff::unset)
            v.bridge->stp = OnOff::on;
        if (!v.bridge->delay)
            v.bridge->delay = 0;
        return {};
    }
    if (!v.bridge)
        return {};
    if (mode != ForwardMode::bridge)
        return xml_error("bridge name not allowed in {} mode (network '{}')", name_of(mode), v.name);
    if (!v.bridge->zone.empty())
        return xml_error("bridge zone not allowed in {} mode (network '{}')", name_of(mode), v.name);
    if (v.bridge->mac_table_manager != MacTableManager::unset &&
        v.bridge->mac_table_manager != MacTableManager::kernel)
        return xml_error("bridge macTableManager setting not allowed in {} mode (network '{}')",
                         name_of(mode), v.name);
    if (!v.bridge->name.empty() && !v.forward->interfaces.empty())
        return xml_error("A network with forward mode='{}' can specify a bridge name or a forward dev, "
                         "but not both (network '{}')",
                         name_of(mode), v.name);
    // Not ours to set on a bridge that is the host's.
    v.bridge->stp = OnOff::unset;
    v.bridge->delay.reset();
    return {};
}

Status check_layer3(const Network& v) {
    const ForwardMode mode = v.mode();
    if (has_layer3(mode))
        return {};
    const auto refuse = [&](std::string_view element) {
        return unsupported("Unsupported {} element in network {} with forward mode='{}'", element,
                           v.name, name_of(mode));
    };
    if (!v.ips.empty())
        return refuse("<ip>");
    if (v.dns)
        return refuse("<dns>");
    if (!v.domain.name.empty())
        return refuse("<domain>");
    if (v.mtu)
        return xml_error("mtu size only allowed in open, route, nat, and isolated mode, not in {} "
                         "(network '{}')",
                         name_of(mode), v.name);
    return {};
}

// `own`: of the part that has the <vlan>; absent: the network's counts.
bool takes_vlan(const Network& v, const std::optional<VirtualPort>& own) {
    const ForwardMode mode = v.mode();
    const std::optional<VirtualPort>& port = own ? own : v.virtual_port;
    if (!own && (mode == ForwardMode::hostdev || mode == ForwardMode::passthrough))
        return true;
    return mode == ForwardMode::bridge && port && port->type == VirtualPortType::openvswitch;
}

Status complete_groups(Network& v) {
    const auto no_vlan = [&] {
        return unsupported("<vlan> element specified for network {}, whose type doesn't support vlan "
                           "configuration",
                           v.name);
    };
    if (v.vlan) {
        PV_TRY(complete_vlan(*v.vlan));
        if (!takes_vlan(v, std::nullopt))
            return no_vlan();
    }
    const PortGroup* default_group = nullptr;
    for (std::size_t i = 0; i < v.port_groups.size(); i++) {
        PortGroup& group = v.port_groups[i];
        for (std::size_t j = 0; j < i; j++)
            if (v.port_groups[j].name == group.name)
                return unsupported("multiple <portgroup> elements with the same name ({}) in network '{}'",
                                   group.name, v.name);
        if (group.default_ == YesNo::yes) {
            if (default_group)
                return unsupported("network '{}' has multiple default <portgroup> elements ({} and {}), but "
                                   "only one default is allowed",
                                   v.name, default_group->name, group.name);
            default_group = &group;
        }
        if (group.vlan) {
            PV_TRY(complete_vlan(*group.vlan));
            if (!takes_vlan(v, group.virtual_port))
                return no_vlan();
        }
    }
    return {};
}

Status check_name(const Network& v) {
    if (v.name.find('/') != std::string::npos)
        return xml_error("name {} cannot contain '/'", v.name);
    if (v.name.size() > kLongestName)
        return xml_error("the name has {} bytes, expected at most {}", v.name.size(), kLongestName);
    return {};
}

void check_title(xml::Binder& b, const std::string& title) {
    b.require(title.find('\n') == std::string::npos, "the title must be a single line");
}

} // namespace

void describe(xml::Binder& b, AddressRange& v) {
    b.attr("start", v.start, xml::kRequired);
    b.attr("end", v.end, xml::kRequired);
    b.require(!v.start || !v.end || (!v.start->v6 && !v.end->v6),
              "the addresses of <nat> are IPv4");
}
void describe(xml::Binder& b, PortRange& v) {
    b.attr("start", v.start, xml::Rule{true}.limits(1, 65535));
    b.attr("end", v.end, xml::Rule{true}.limits(1, 65535));
}
void describe(xml::Binder& b, Nat& v) {
    b.attr("ipv6", v.ipv6);
    b.child("address", v.address);
    b.child("port", v.port);
}
void describe(xml::Binder& b, ForwardInterface& v) {
    b.attr("dev", v.dev, xml::kRequired);
    b.attr("connections", v.connections);
}
void describe(xml::Binder& b, ForwardAddress& v) {
    b.attr("type", v.type, xml::kRequired);
    describe_pci(b, v.pci);
    b.attr("connections", v.connections);
}
void describe(xml::Binder& b, ForwardPf& v) {
    b.attr("dev", v.dev, xml::kRequired);
}
void describe(xml::Binder& b, Forward& v) {
    b.attr("dev", v.dev);
    b.attr("mode", v.mode);
    b.attr("managed", v.managed);
    b.group("driver", [&] { b.attr("name", v.driver); });
    b.child("nat", v.nat);
    b.child("pf", v.pfs);
    b.child("interface", v.interfaces);
    b.child("address", v.addresses);
}
void describe(xml::Binder& b, Bridge& v) {
    b.attr("name", v.name);
    b.attr("zone", v.zone);
    b.attr("stp", v.stp);
    b.attr("delay", v.delay);
    b.attr("macTableManager", v.mac_table_manager);
}
void describe(xml::Binder& b, DnsDomain& v) {
    b.attr("name", v.name);
    b.attr("localOnly", v.local_only);
    b.attr("register", v.register_);
}
void describe(xml::Binder& b, PortGroup& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("default", v.default_);
    b.attr("trustGuestRxFilters", v.trust_guest_rx_filters);
    b.child("vlan", v.vlan);
    b.child("virtualport", v.virtual_port);
    b.child("bandwidth", v.bandwidth);
}
void describe(xml::Binder& b, DnsmasqOption& v) {
    b.attr("value", v.value, xml::kRequired);
}
void describe(xml::Binder& b, DnsmasqOptions& v) {
    b.child("option", v.options);
}

void describe(xml::Binder& b, Network& v) {
    b.attr("connections", v.connections);
    b.attr("ipv6", v.ipv6);
    b.attr("trustGuestRxFilters", v.trust_guest_rx_filters);
    b.uses(kDnsmasqNamespace, !v.dnsmasq.options.empty());
    b.element("name", v.name, xml::kRequired);
    b.element("uuid", v.uuid);
    b.element("title", v.title);
    check_title(b, v.title);
    b.element("description", v.description);
    b.raw("metadata", v.metadata);
    b.child("forward", v.forward);
    b.child("bridge", v.bridge);
    b.group("mtu", [&] { b.attr("size", v.mtu, xml::Rule{}.limits(68, 65535)); });
    b.group("mac", [&] { b.attr("address", v.mac); });
    b.child("domain", v.domain);
    b.child("dns", v.dns);
    b.child("vlan", v.vlan);
    b.child("bandwidth", v.bandwidth);
    b.group("port", [&] { b.attr("isolated", v.isolated_ports); });
    b.child("ip", v.ips);
    b.child("route", v.routes);
    b.child("virtualport", v.virtual_port);
    b.child("portgroup", v.port_groups);
    b.inside(kDnsmasqNamespace, [&] { b.child("options", v.dnsmasq); });
}

bool Network::owns_bridge() const {
    return has_layer3(mode());
}

Status complete_network(Network& v) {
    PV_TRY(check_name(v));
    if (!v.uuid)
        v.uuid = Uuid::random();
    if (v.forward)
        PV_TRY(complete_forward(*v.forward, v.name));
    if (v.forward && v.forward->mode == ForwardMode::none)
        v.forward.reset();
    if (v.forward)
        PV_TRY(check_forward_devices(v));
    PV_TRY(complete_bridge(v));
    PV_TRY(check_layer3(v));
    if (v.mac && (v.mac->bytes[0] & 1u) != 0)
        return xml_error("Invalid multicast bridge mac address '{}' in network '{}'",
                         v.mac->to_string(), v.name);
    if (v.dns)
        PV_TRY(complete_dns(*v.dns, v.name));
    if (v.dns && v.dns->says_nothing())
        v.dns.reset();
    for (Ip& ip : v.ips)
        PV_TRY(complete_ip(ip, v.name));
    for (Route& route : v.routes)
        PV_TRY(complete_route(route, v.name));
    for (const bool v6 : {false, true}) {
        const auto serving = std::count_if(v.ips.begin(), v.ips.end(), [v6](const Ip& ip) {
            return ip.dhcp && ip.address->v6 == v6 && (!ip.dhcp->ranges.empty() || !ip.dhcp->hosts.empty());
        });
        if (serving > 1)
            return unsupported("For IPv{}, multiple DHCP definitions cannot be specified (network '{}')",
                               v6 ? 6 : 4, v.name);
    }
    return complete_groups(v);
}

Result<ParsedNetwork> parse_network(std::string_view text, const xml::Limits& limits) {
    PV_ASSIGN_OR_RETURN(const xml::Node root, xml::read(text, kNetworkRoot.what, limits));
    return parse_network(root);
}

Result<ParsedNetwork> parse_network(const xml::Node& root) {
    PV_TRY(xml::check_root(root, kNetworkRoot));
    // A code of its own, which clients look for.
    if (const xml::Node* name = root.child("name"); name == nullptr || name->text().empty())
        return make_error(ErrorCode::no_name, ErrorDomain::network, "missing name information");
    ParsedNetwork parsed;
    PV_ASSIGN_OR_RETURN(parsed.value, xml::parse<Network>(root, parsed.messages));
    PV_TRY(complete_network(parsed.value));
    return parsed;
}

std::string format_network(const Network& v, const FormatOptions& options) {
    Network shown = v;
    if (options.inactive) {
        shown.connections.reset();
        if (shown.forward) {
            for (ForwardInterface& i : shown.forward->interfaces)
                i.connections.reset();
            for (ForwardAddress& a : shown.forward->addresses)
                a.connections.reset();
        }
    }
    return xml::format("network", shown);
}

} // namespace polyvirt::sdk::network
