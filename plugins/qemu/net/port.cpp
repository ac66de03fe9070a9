// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "net/port.h"

#include <algorithm>

#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "sdk/netlink/follow_networks.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
namespace network = sdk::network;

std::shared_ptr<const Domain> live_of(Guest& guest) {
    const ObjectLock lock(guest.mu);
    return guest.live;
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

} // namespace

void name_ports(Domain& domain) {
    for (Interface& i : domain.devices.interfaces) sdk::name_port(i);
}

Status plug_interface(const plugin::Services& s, pv_call* call, const std::string& name, const Uuid& guest,
                      Interface& i) {
    PV_ASSIGN_OR_RETURN(const network::Port port, sdk::make_port(s, call, name, guest, i));
    const network::PlugType plug = port.plug ? port.plug->type : network::PlugType::none;
    if (plug != network::PlugType::network && plug != network::PlugType::bridge)
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu,
                          "interface '{}': network '{}' has no bridge to plug it into, and plugs of type '{}' are not supported by this version",
                          i.info.alias.name, i.source.network, network::kPlugTypes[static_cast<std::size_t>(plug)]);
    i.type = plug == network::PlugType::bridge ? InterfaceType::bridge : InterfaceType::network;
    i.source.bridge = port.plug->bridge;
    i.isolated = port.isolated;
    i.trust_guest_rx_filters = port.trust_guest_rx_filters;
    i.virtualport = port.virtual_port;
    i.vlan = port.vlan;
    if (!i.bandwidth) i.bandwidth = port.bandwidth;
    return {};
}

void free_ports(const plugin::Services& s, const Domain& domain) {
    for (const Interface& i : domain.devices.interfaces) sdk::free_port(s, domain.name, i);
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
        return !live || std::none_of(live->devices.interfaces.begin(), live->devices.interfaces.end(),
                                     [&](const Interface& i) { return i.source.port_id == id; });
    });
    for (const GuestPtr& guest : driver.guests().all())
        if (const auto live = live_of(*guest))
            for (const Interface& i : live->devices.interfaces) sdk::plug(guest->name, i, i.source.bridge);
}

} // namespace polyvirt::qemu
