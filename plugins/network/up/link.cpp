// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "up/link.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "sdk/netlink/netlink.h"

namespace polyvirt::network {
namespace {

namespace doc = sdk::network;
using sdk::Netlink;

// A setting of the kernel's, in this network namespace.
Status set_kernel(const std::string& name, std::string_view value) {
    const std::string path = "/proc/sys/net/" + name;
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd || ::write(fd.get(), value.data(), value.size()) < 0)
        return make_system_error(errno, ErrorDomain::network, "cannot write to " + path);
    return {};
}
std::string kernel_value(const std::string& name) {
    const UniqueFd fd(::open(("/proc/sys/net/" + name).c_str(), O_RDONLY | O_CLOEXEC));
    char text[16] = {};
    const ssize_t n = fd ? ::read(fd.get(), text, sizeof text) : 0;
    std::string value(text, n > 0 ? static_cast<std::size_t>(n) : 0);
    while (!value.empty() && value.back() == '\n') value.pop_back();
    return value;
}

bool has_family(const doc::Network& network, bool v6) {
    return std::any_of(network.ips.begin(), network.ips.end(),
                       [v6](const doc::Ip& ip) { return ip.address && ip.address->v6 == v6; });
}

// A bridge is no host of its own network: it takes no address and no way from what its guests announce.
Status set_ipv6(const doc::Network& network) {
    const std::string folder = "ipv6/conf/" + network.bridge->name + "/";
    if (::access("/proc/sys/net/ipv6", F_OK) != 0) return {}; // a kernel without it
    const bool wanted = has_family(network, true) || network.ipv6 == sdk::xml::YesNo::yes;
    if (!has_family(network, true)) PV_TRY(set_kernel(folder + "disable_ipv6", "1"));
    if (!wanted) return {};
    PV_TRY(set_kernel(folder + "accept_ra", "0"));
    return set_kernel(folder + "autoconf", "0");
}

// A host that forwards takes no default way from announcements, unless it is told to in so many words.
Status check_announced(Netlink& net) {
    PV_ASSIGN_OR_RETURN(const auto routes, net.routes(true));
    PV_ASSIGN_OR_RETURN(const auto links, net.links());
    std::string lost;
    for (const Netlink::Route& route : routes) {
        if (!route.announced) continue;
        for (const Netlink::Link& link : links)
            if (link.index == route.index && lost.find(link.name) == std::string::npos &&
                kernel_value("ipv6/conf/" + link.name + "/accept_ra") != "2")
                lost += (lost.empty() ? "" : ", ") + link.name;
    }
    if (lost.empty()) return {};
    return make_error(ErrorCode::internal_error, ErrorDomain::network,
                      "Check the host setup: enabling IPv6 forwarding with RA routes without accept_ra set to 2 is "
                      "likely to cause routes loss. "
                      "Interfaces to look at: {}",
                      lost);
}

Status set_forwarding(const doc::Network& network, Netlink& net) {
    if (network.mode() == doc::ForwardMode::none) return {};
    if (has_family(network, false) && kernel_value("ipv4/ip_forward") != "1")
        PV_TRY(set_kernel("ipv4/ip_forward", "1"));
    if (!has_family(network, true) || kernel_value("ipv6/conf/all/forwarding") == "1") return {};
    PV_TRY(check_announced(net));
    return set_kernel("ipv6/conf/all/forwarding", "1");
}

Netlink::Route route_of(const doc::Route& r) {
    Netlink::Route route;
    route.to = *r.address;
    route.prefix = r.prefix ? *r.prefix : r.netmask ? r.netmask->prefix().value_or(0) : r.address->v6 ? 64 : 24;
    route.gateway = r.gateway;
    route.metric = r.metric.value_or(0);
    return route;
}

Status fill_bridge(const doc::Network& network, Netlink& net) {
    const std::string& name = network.bridge->name;
    PV_TRY(set_ipv6(network));
    for (const doc::Ip& ip : network.ips)
        if (ip.address) PV_TRY(net.add_address(name, *ip.address, ip.effective_prefix()));
    PV_TRY(net.set_up(name, true));
    PV_TRY(set_forwarding(network, net));
    for (const doc::Route& r : network.routes) PV_TRY(net.add_route(name, route_of(r)));
    return {};
}

} // namespace

Status check_routes(const doc::Network& network) {
    PV_ASSIGN_OR_RETURN(Netlink net, Netlink::open());
    PV_ASSIGN_OR_RETURN(const auto links, net.links());
    for (const bool v6 : {false, true}) {
        if (!has_family(network, v6)) continue;
        PV_ASSIGN_OR_RETURN(const auto routes, net.routes(v6));
        for (const doc::Ip& ip : network.ips) {
            if (!ip.address || ip.address->v6 != v6) continue;
            const unsigned prefix = ip.effective_prefix();
            const auto same = std::find_if(routes.begin(), routes.end(), [&](const Netlink::Route& r) {
                return r.prefix == prefix && prefix != 0 && r.to.same_network(*ip.address, prefix);
            });
            if (same == routes.end()) continue;
            const auto link = std::find_if(links.begin(), links.end(),
                                           [&](const Netlink::Link& l) { return l.index == same->index; });
            return make_error(ErrorCode::internal_error, ErrorDomain::network,
                              "Network is already in use by interface {}", link == links.end() ? "?" : link->name);
        }
    }
    return {};
}

Status make_bridge(const doc::Network& network) {
    PV_ASSIGN_OR_RETURN(Netlink net, Netlink::open());
    const doc::Bridge& bridge = *network.bridge;
    PV_TRY(net.add_bridge(bridge.name, {.stp = bridge.stp == sdk::xml::OnOff::on,
                                        .delay = bridge.delay.value_or(0),
                                        .mac = network.mac,
                                        .mtu = network.mtu}));
    const Status filled = fill_bridge(network, net);
    if (filled) return {};
    if (const Status gone = net.remove(bridge.name); !gone)
        log::warning("network", "network '{}': {}", network.name, gone.error().message);
    return filled;
}

Status remove_bridge(const doc::Network& network) {
    PV_ASSIGN_OR_RETURN(Netlink net, Netlink::open());
    return net.remove(network.bridge->name);
}

bool has_bridge(const doc::Network& network) {
    auto net = Netlink::open();
    if (!net) return false;
    const auto link = net->find(network.bridge->name);
    return link && *link && (*link)->kind == "bridge" && (!network.mac || (*link)->mac == network.mac);
}

} // namespace polyvirt::network
