// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "container/plug.h"

#include <net/if.h>
#include <unistd.h>

#include "base/error_text.h"
#include "container/plan_net.h"
#include "container/ports.h"
#include "sdk/guest_ports.h"
#include "sdk/netlink/netlink.h"

namespace polyvirt::lxc {
namespace {

using namespace sdk::domain;
using sdk::Netlink;

// Of the container's end: addresses, ways, and that it is up.
Status settle_inside(Netlink& inside, const std::string& name, const std::vector<InterfaceIp>& ips,
                     const std::vector<InterfaceRoute>& routes, LinkState link) {
    for (const InterfaceIp& ip : ips)
        if (ip.address)
            PV_TRY(inside.add_address(name, *ip.address,
                                      static_cast<unsigned>(ip.prefix.value_or(ip.family == "ipv6" ? 64 : 24))));
    if (link == LinkState::down) return {};
    PV_TRY(inside.set_up(name, true));
    for (const InterfaceRoute& r : routes) {
        if (!is_default(r)) return unsupported("a container's interface can have a default route, and no other");
        Netlink::Route route;
        route.gateway = r.gateway;
        route.to.v6 = r.gateway->v6;
        PV_TRY(inside.add_route(name, route));
    }
    return {};
}

Status make(const Link& link, const Interface& i, std::int64_t init) {
    PV_ASSIGN_OR_RETURN(Netlink host, Netlink::open());
    if (link.kind == Link::Kind::veth) return host.add_pair(link.name, i.guest_actual, i.mac.address, init);
    return host.add_macvlan(i.guest_actual, {.kind = "macvlan", .device = link.to, .mode = link.mode, .mac = i.mac.address, .pid = init});
}

Status settle(const Link& link, const Interface& i, std::int64_t init) {
    const std::string& inner = i.guest_actual;
    PV_ASSIGN_OR_RETURN(Netlink host, Netlink::open());
    PV_ASSIGN_OR_RETURN(Netlink inside, Netlink::open_in(init));
    if (i.mtu) PV_TRY(inside.set_mtu(inner, static_cast<std::uint32_t>(*i.mtu)));
    PV_TRY(settle_inside(inside, inner, i.ips, i.routes, i.link));
    if (link.kind != Link::Kind::veth) return {};
    if (i.mtu) PV_TRY(host.set_mtu(link.name, static_cast<std::uint32_t>(*i.mtu)));
    if (!link.to.empty()) PV_TRY(host.set_master(link.name, link.to));
    return host.set_up(link.name, true);
}

Status unmake(const Interface& i, std::int64_t init) {
    // The pair's other end goes with it.
    PV_ASSIGN_OR_RETURN(Netlink net, i.target.dev.empty() ? Netlink::open_in(init) : Netlink::open());
    return net.remove(i.target.dev.empty() ? i.guest_actual : i.target.dev);
}

} // namespace

Status name_ends(const Domain& live, Interface& i, std::int64_t init) {
    if (!own_network(live))
        return make_error(ErrorCode::operation_invalid, ErrorDomain::lxc,
                          "the container has no network of its own: it is in the host's, or in another's");
    sdk::name_port(i);
    if (i.target.dev.empty()) {
        PV_ASSIGN_OR_RETURN(i.target.dev, free_name());
    }
    PV_ASSIGN_OR_RETURN(Netlink inside, Netlink::open_in(init));
    i.guest_actual = i.guest_dev;
    for (unsigned number = 0; i.guest_actual.empty(); ++number) {
        std::string name = fmt::format("eth{}", number);
        PV_ASSIGN_OR_RETURN(const auto taken, inside.find(name));
        if (!taken) i.guest_actual = std::move(name);
    }
    return {};
}

Status join(const plugin::Services& s, pv_call* call, const Domain& live, Interface& i, std::int64_t init) {
    const auto link = take_link(s, call, live, i);
    Status made = link ? make(*link, i, init) : Status(link.error());
    if (made) {
        made = settle(*link, i, init);
        if (!made) (void)unmake(i, init);
    }
    if (!made && sdk::on_network(i)) sdk::free_port(s, live.name, i);
    return made;
}

Status leave(const plugin::Services& s, const std::string& domain, const Interface& i, std::int64_t init) {
    PV_TRY(unmake(i, init));
    if (sdk::on_network(i)) sdk::free_port(s, domain, i);
    return {};
}

bool joined(const Interface& i, std::int64_t init) {
    if (!i.target.dev.empty() && ::if_nametoindex(i.target.dev.c_str()) != 0) return true;
    auto inside = Netlink::open_in(init);
    if (!inside || i.guest_actual.empty()) return true; // nobody knows
    const auto found = inside->find(i.guest_actual);
    return !found || found->has_value();
}

Status lend(const Hostdev& device, std::int64_t init) {
    const std::string& name = device.source.interface;
    PV_ASSIGN_OR_RETURN(Netlink host, Netlink::open());
    PV_TRY(host.move(name, init));
    auto inside = Netlink::open_in(init);
    Status settled = inside ? settle_inside(*inside, name, device.ips, device.routes, LinkState::up) : Status(inside.error());
    if (!settled) (void)take_back(device, init);
    return settled;
}

Status take_back(const Hostdev& device, std::int64_t init) {
    PV_ASSIGN_OR_RETURN(Netlink inside, Netlink::open_in(init));
    return inside.move(device.source.interface, ::getpid());
}

} // namespace polyvirt::lxc
