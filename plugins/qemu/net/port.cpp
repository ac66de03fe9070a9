// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "net/port.h"

#include <algorithm>
#include <iterator>

#include <polyvirt/job.h>

#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "monitor/json.h"
#include "net/direct.h"
#include "net/script.h"
#include "sdk/domain/device.h"
#include "sdk/netlink/follow_networks.h"
#include "sdk/traffic.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
namespace network = sdk::network;

std::shared_ptr<const Domain> live_of(Guest& guest) {
    const ObjectLock lock(guest.mu);
    return guest.live;
}

// Whether the interface of that port was being plugged in when the last daemon ended.
bool is_attaching(Guest& guest, const std::string& port) {
    const ObjectLock lock(guest.mu);
    return text_of(guest.attaching, "xml").find(port) != std::string::npos;
}

// Of a guest that may have ended meanwhile, or lost that interface.
bool keep_bridge(const Driver& driver, const GuestPtr& guest, const Interface& plugged, const std::string& bridge) {
    bool there = false;
    {
        const ObjectLock lock(guest->mu);
        driver.edit_live(*guest, [&](Domain& d) {
            for (Interface& i : d.devices.interfaces) {
                if (i.source.port_id != plugged.source.port_id) continue;
                i.source.bridge = bridge;
                there = true;
            }
        });
    }
    if (there && bridge != plugged.source.bridge) driver.save_status(guest, [](const Status&) {});
    return there;
}

Status join_network(const plugin::Services& s, const Guest& guest, Interface& i, pv_call* call) {
    PV_ASSIGN_OR_RETURN(const network::Port port, sdk::make_port(s, call, guest.name, guest.uuid, i));
    const network::PlugType plug = port.plug ? port.plug->type : network::PlugType::none;
    if (plug == network::PlugType::network || plug == network::PlugType::bridge) {
        i.type = plug == network::PlugType::bridge ? InterfaceType::bridge : InterfaceType::network;
        i.source.bridge = port.plug->bridge;
    } else if (!sdk::use_device(i, port)) {
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu,
                          "interface '{}': network '{}' has no bridge to plug it into, and plugs of type '{}' are not supported by this version",
                          i.info.alias.name, i.source.network, network::kPlugTypes[static_cast<std::size_t>(plug)]);
    }
    i.isolated = port.isolated;
    i.trust_guest_rx_filters = port.trust_guest_rx_filters;
    i.virtualport = port.virtual_port;
    i.vlan = port.vlan;
    if (!i.bandwidth) i.bandwidth = port.bandwidth;
    return {};
}

// From the guest's list, and with it from its next record.
template <typename Gone> std::vector<DirectLink> take_links(Guest& guest, Gone&& gone) PV_REQUIRES(guest.mu) {
    const auto first = std::stable_partition(guest.links.begin(), guest.links.end(), [&](const DirectLink& l) { return !gone(l); });
    std::vector<DirectLink> taken(std::make_move_iterator(first), std::make_move_iterator(guest.links.end()));
    guest.links.erase(first, guest.links.end());
    return taken;
}

// Its processors, or they would if somebody woke it.
bool runs(const Guest& guest) PV_REQUIRES(guest.mu) {
    return guest.state == PV_DOMAIN_RUNNING || guest.state == PV_DOMAIN_PMSUSPENDED;
}

void set_links(const Guest& guest, const std::vector<DirectLink>& links, bool up) {
    for (const DirectLink& link : links)
        if (const Status set = show_link(link, up); !set)
            log::warning("net", "domain '{}': macvtap '{}' is not {}: {}", guest.name, link.name, up ? "up" : "down", set.error().message);
}

// Written down, then made. A guest that ended in between has taken its list along: what came too late for that goes here.
Result<Tap> add_link(Driver& driver, const GuestPtr& guest, const Interface& i, pv_call* call) {
    PV_ASSIGN_OR_RETURN(const DirectLink link, plan_link(i));
    const auto ended = [] { return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running"); };
    {
        const ObjectLock lock(guest->mu);
        if (!guest->live) return ended();
        guest->links.push_back(link);
    }
    PV_TRY(driver.save_status_now(guest, call));
    Result<Tap> tap = make_link(i, link);
    bool there = false, run = false;
    {
        const ObjectLock lock(guest->mu);
        there = std::find(guest->links.begin(), guest->links.end(), link) != guest->links.end();
        run = runs(*guest);
    }
    if (!there) {
        remove_links(guest->name, {link});
        return ended();
    }
    if (tap && run) PV_TRY(show_link(link, true));
    return tap;
}

} // namespace

void name_ports(Domain& domain) {
    for (Interface& i : domain.devices.interfaces) sdk::name_port(i);
}

Result<Tap> plug_interface(Driver& driver, const GuestPtr& guest, Interface& i, pv_call* call) {
    if (sdk::on_network(i)) PV_TRY(join_network(driver.services(), *guest, i, call));
    if (i.vlan) // its own, or its network's
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "interface {} - vlan tag not supported for this connection type",
                          i.mac.address ? i.mac.address->to_string() : "");
    PV_ASSIGN_OR_RETURN(Tap tap, i.type == InterfaceType::direct ? add_link(driver, guest, i, call) : open_tap(i));
    i.target.dev = tap.name;
    if (i.bandwidth) PV_TRY(sdk::limit_traffic(driver.services(), i));
    return tap;
}

void unplug_interface(Driver& driver, const GuestPtr& guest, const Interface& i) {
    std::vector<DirectLink> gone;
    {
        const ObjectLock lock(guest->mu);
        gone = take_links(*guest, [&](const DirectLink& link) { return link.alias == i.info.alias.name; });
    }
    remove_links(guest->name, gone);
    sdk::free_port(driver.services(), guest->name, i);
    take_down(driver, guest->name, i);
}

void free_ports(const plugin::Services& s, const Domain& domain) {
    for (const Interface& i : domain.devices.interfaces) sdk::free_port(s, domain.name, i);
}

void remove_links(const std::string& guest, const std::vector<DirectLink>& links) {
    for (const DirectLink& link : links)
        if (const Status gone = remove_link(link); !gone)
            log::error("net", "domain '{}': macvtap '{}' on '{}' stays: {}", guest, link.name, link.device, gone.error().message);
}

void reconcile_links(Driver& driver, const GuestPtr& guest) {
    std::vector<DirectLink> gone, left;
    bool run = false;
    {
        const ObjectLock lock(guest->mu);
        const auto live = guest->live;
        if (!live) return;
        gone = take_links(*guest, [&](const DirectLink& link) { return !find_alias(live->devices, link.alias).has_value(); });
        left = guest->links;
        run = runs(*guest);
    }
    set_links(*guest, left, run);
    if (gone.empty()) return;
    remove_links(guest->name, gone);
    if (const Status saved = driver.save_status_now(guest, nullptr); !saved)
        log::error("net", "domain '{}': {}", guest->name, saved.error().message);
}

void show_links(const Driver& driver, const GuestPtr& guest, bool run) {
    std::vector<DirectLink> links;
    {
        const ObjectLock lock(guest->mu);
        links = guest->links;
    }
    if (links.empty()) return;
    const auto set = [guest, links, run] { set_links(*guest, links, run); };
    if (!plugin::submit(driver.services(), guest->strand, set)) set(); // a few messages to the kernel
}

plugin::Subscription follow_networks(Driver& driver) {
    return sdk::follow_networks(driver.services(), driver.shared_loop(), [&driver](const std::string& network) {
        std::vector<sdk::Plugged> all;
        for (const GuestPtr& guest : driver.guests().all()) {
            const auto live = live_of(*guest);
            if (!live) continue;
            for (const Interface& i : live->devices.interfaces)
                if (sdk::is_plugged_on(i, network))
                    all.push_back({guest->name, guest->uuid, i, [&driver, guest, i](const std::string& bridge) {
                                       return keep_bridge(driver, guest, i, bridge);
                                   }});
        }
        return all;
    });
}

void reconcile_ports(Driver& driver) {
    sdk::free_strays(driver.services(), [&driver](const network::Port& port) {
        const GuestPtr guest = port.owner.uuid ? driver.guests().find(*port.owner.uuid) : nullptr;
        if (!guest) return false;
        const auto live = live_of(*guest);
        const std::string id = port.uuid->to_string();
        if (is_attaching(*guest, id)) return false; // devices/intent.h decides
        return !live || std::none_of(live->devices.interfaces.begin(), live->devices.interfaces.end(),
                                     [&](const Interface& i) { return i.source.port_id == id; });
    });
    for (const GuestPtr& guest : driver.guests().all())
        if (const auto live = live_of(*guest))
            for (const Interface& i : live->devices.interfaces) sdk::plug(guest->name, i, i.source.bridge);
}

} // namespace polyvirt::qemu
