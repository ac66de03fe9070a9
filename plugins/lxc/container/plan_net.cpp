// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "container/plan_net.h"

#include <algorithm>

#include "base/error_text.h"

namespace polyvirt::lxc {
namespace {

using namespace sdk::domain;

Status addresses(const std::vector<InterfaceIp>& ips, const std::vector<InterfaceRoute>& routes, const std::string& key,
                 Plan& p) {
    for (const InterfaceIp& ip : ips) {
        if (!ip.address) continue;
        const bool six = ip.family == "ipv6";
        p.config.emplace_back(key + (six ? "ipv6.address" : "ipv4.address"),
                              fmt::format("{}/{}", ip.address->to_string(), ip.prefix.value_or(six ? 64 : 24)));
    }
    for (const InterfaceRoute& r : routes) {
        if (!is_default(r))
            return make_error(ErrorCode::config_unsupported, ErrorDomain::lxc,
                              "a container's interface can have a default route, and no other");
        p.config.emplace_back(key + (r.family == "ipv6" ? "ipv6.gateway" : "ipv4.gateway"), r.gateway->to_string());
    }
    return {};
}

Status interface(const Interface& i, const Link& link, std::size_t number, Plan& p) {
    const std::string key = fmt::format("lxc.net.{}.", number);
    p.config.emplace_back(key + "type", link.kind == Link::Kind::veth ? "veth" : "macvlan");
    if (i.link != LinkState::down) p.config.emplace_back(key + "flags", "up");
    if (!link.to.empty()) p.config.emplace_back(key + "link", link.to);
    if (!link.name.empty()) p.config.emplace_back(key + "veth.pair", link.name);
    if (!link.mode.empty()) p.config.emplace_back(key + "macvlan.mode", link.mode == "passthrough" ? "passthru" : link.mode);
    if (i.mac.address) p.config.emplace_back(key + "hwaddr", i.mac.address->to_string());
    if (i.mtu) p.config.emplace_back(key + "mtu", std::to_string(*i.mtu));
    p.config.emplace_back(key + "name", i.guest_actual.empty() ? fmt::format("eth{}", number) : i.guest_actual);
    return addresses(i.ips, i.routes, key, p);
}

} // namespace

bool is_default(const InterfaceRoute& r) {
    const std::string address = r.address ? r.address->to_string() : "";
    return r.gateway && (address.empty() || address == "0.0.0.0" || address == "::") && r.prefix.value_or(0) == 0;
}

bool own_network(const Domain& d) {
    if (!d.lxc_namespaces.net.empty()) return false;
    if (!d.devices.interfaces.empty() || d.features.privnet) return true;
    return std::any_of(d.devices.hostdevs.begin(), d.devices.hostdevs.end(),
                       [](const Hostdev& h) { return h.mode == "capabilities" && h.type == "net"; });
}

Status plan_net(const Domain& d, const PlanContext& context, Plan& p) {
    std::size_t number = 0;
    for (const Interface& i : d.devices.interfaces) {
        if (number >= context.links.size())
            return make_error(ErrorCode::internal_error, ErrorDomain::lxc, "an interface is joined with nothing");
        PV_TRY(interface(i, context.links[number], number, p));
        ++number;
    }
    for (const Hostdev& h : d.devices.hostdevs) {
        if (h.mode != "capabilities" || h.type != "net") continue;
        const std::string key = fmt::format("lxc.net.{}.", number++);
        p.config.emplace_back(key + "type", "phys");
        p.config.emplace_back(key + "link", h.source.interface);
        p.config.emplace_back(key + "flags", "up");
        PV_TRY(addresses(h.ips, h.routes, key, p));
    }
    if (number != 0 || !d.lxc_namespaces.net.empty()) return {};
    // Without an interface of its own it is in the host's network, unless it says that it is in none.
    p.config.emplace_back("lxc.net.0.type", d.features.privnet ? "empty" : "none");
    return {};
}

} // namespace polyvirt::lxc
