// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/netlink/follow_networks.h"

#include <utility>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/job.h>

#include "base/error_text.h"
#include "base/log.h"
#include "sdk/guest_ports.h"
#include "sdk/netlink/netlink.h"

namespace polyvirt::sdk {
namespace {

constexpr std::uint64_t kStrand = 0x6e657473; // of all that puts interfaces on networks again

void join_again(const plugin::Services& s, const Plugged& plugged) {
    const domain::Interface& i = plugged.interface;
    const auto port = regain_port(s, plugged.guest, plugged.uuid, i);
    if (!port)
        return log::error("network", "domain '{}': '{}' is not on network '{}' again: {}", plugged.guest, i.target.dev,
                          i.source.network, port.error().message);
    const std::string bridge = port->plug ? port->plug->bridge : std::string();
    // Whoever ended the guest, or unplugged it, has freed the port before it was there.
    if (plugged.keep(bridge)) plug(plugged.guest, i, bridge);
    else free_port(s, plugged.guest, i);
}

} // namespace

bool is_plugged_on(const domain::Interface& i, const std::string& network) {
    const bool made = !i.target.dev.empty() || i.type == domain::InterfaceType::direct; // a macvlan may be all the container's
    return on_network(i) && !i.source.port_id.empty() && made &&
           (network.empty() || i.source.network == network);
}

void plug(const std::string& guest, const domain::Interface& i, const std::string& bridge) {
    if (bridge.empty() || i.target.dev.empty()) return;
    const auto joined = join_bridge(i.target.dev, bridge, i.isolated == xml::YesNo::yes);
    if (!joined)
        log::error("network", "domain '{}': {}", guest, joined.error().message);
    else if (*joined)
        log::info("network", "domain '{}': '{}' was in no bridge; it is in '{}' again", guest, i.target.dev, bridge);
}

plugin::Subscription follow_networks(const plugin::Services& s, const plugin::Loop& loop, PluggedOn interfaces) {
    return {s, PV_KIND_NETWORK, loop, [&s, interfaces = std::move(interfaces)](const plugin::Notice& notice) {
                if (!notice.lost() && notice.event != PV_NETWORK_EVENT_STARTED) return;
                const bool taken = plugin::submit(s, kStrand, [&s, interfaces, network = notice.name] {
                    for (const Plugged& plugged : interfaces(network)) join_again(s, plugged);
                });
                if (!taken)
                    log::error("network", "network '{}' is active, but no worker is there to put guests on it again",
                               notice.name);
            }};
}

} // namespace polyvirt::sdk
