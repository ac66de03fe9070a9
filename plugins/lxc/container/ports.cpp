// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "container/ports.h"

#include <net/if.h>

#include "base/error_text.h"
#include "driver.h"
#include "sdk/guest_ports.h"
#include "sdk/netlink/follow_networks.h"
#include "sdk/netlink/netlink.h"

namespace polyvirt::lxc {
namespace {

using namespace sdk::domain;
namespace network = sdk::network;

Link link_on(const Interface& i) {
    return {Link::Kind::macvlan, i.source.dev, "", i.source.mode.empty() ? "vepa" : i.source.mode};
}

// A device that its network gave it stands in the description, as one that its user chose does.
Result<Link> take_port(const plugin::Services& s, pv_call* call, const Domain& d, Interface& i) {
    PV_ASSIGN_OR_RETURN(const network::Port port, sdk::make_port(s, call, d.name, d.uuid.value_or(Uuid()), i));
    if (sdk::use_device(i, port)) return link_on(i);
    if (!port.plug || port.plug->bridge.empty())
        return make_error(ErrorCode::config_unsupported, ErrorDomain::lxc,
                          "network '{}' gives a container neither a bridge nor a device", i.source.network);
    return Link{Link::Kind::veth, port.plug->bridge, "", ""};
}

Result<Link> link_of(const plugin::Services& s, pv_call* call, const Domain& d, Interface& i) {
    PV_TRY(sdk::refuse_virtual_port(i.virtualport));
    if (i.filter)
        return make_error(ErrorCode::config_unsupported, ErrorDomain::lxc, "interface '{}': filter '{}': filters are not supported by this version",
                          i.info.alias.name, i.filter->filter);
    if (sdk::on_network(i)) return take_port(s, call, d, i);
    switch (i.type) {
    case InterfaceType::bridge: return Link{Link::Kind::veth, i.source.bridge, "", ""};
    case InterfaceType::ethernet: return Link{Link::Kind::veth, "", "", ""};
    case InterfaceType::direct: return link_on(i);
    default:
        return make_error(ErrorCode::config_unsupported, ErrorDomain::lxc, "Unsupported network type {}",
                          kInterfaceTypes[static_cast<std::size_t>(i.type)]);
    }
}

} // namespace

Result<std::string> free_name() {
    PV_ASSIGN_OR_RETURN(sdk::Netlink net, sdk::Netlink::open());
    return net.free_name("vnet");
}

Result<Link> take_link(const plugin::Services& s, pv_call* call, const Domain& d, Interface& i) {
    PV_ASSIGN_OR_RETURN(Link link, link_of(s, call, d, i));
    if (!link.to.empty() && ::if_nametoindex(link.to.c_str()) == 0)
        return make_error(ErrorCode::operation_failed, ErrorDomain::lxc,
                          "Cannot get interface MTU on '{}': No such device", link.to);
    // One that the user chose is his; the kernel says if it is taken.
    if (link.kind == Link::Kind::veth) link.name = i.target.dev;
    if (link.kind == Link::Kind::veth && link.name.empty()) {
        PV_ASSIGN_OR_RETURN(link.name, free_name());
    }
    i.target.dev = link.name;
    return link;
}

Result<std::vector<Link>> take_links(const plugin::Services& s, pv_call* call, Domain& d) {
    std::vector<Link> links;
    for (Interface& i : d.devices.interfaces) {
        i.guest_actual = i.guest_dev.empty() ? fmt::format("eth{}", links.size()) : i.guest_dev;
        PV_ASSIGN_OR_RETURN(Link link, take_link(s, call, d, i));
        links.push_back(std::move(link));
    }
    return links;
}

plugin::Subscription follow_networks(Driver& driver) {
    return sdk::follow_networks(driver.services(), driver.loop(), [&driver](const std::string& network) {
        std::vector<sdk::Plugged> all;
        for (const GuestPtr& guest : driver.guests().all()) {
            std::shared_ptr<const Domain> live;
            {
                const ObjectLock lock(guest->mu);
                live = guest->live;
            }
            if (!live) continue;
            for (const Interface& i : live->devices.interfaces)
                if (sdk::is_plugged_on(i, network))
                    all.push_back({guest->name, guest->uuid, i, [guest](const std::string&) {
                                       const ObjectLock lock(guest->mu);
                                       return guest->live != nullptr; // which does not name the bridge
                                   }});
        }
        return all;
    });
}

} // namespace polyvirt::lxc
