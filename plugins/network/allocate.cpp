// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "allocate.h"

#include <algorithm>

#include "base/error_text.h"

namespace polyvirt::network {
namespace {

namespace doc = sdk::network;

Result<const doc::PortGroup*> group_of(const doc::Port& port, const doc::Network& network) {
    const doc::PortGroup* usual = nullptr;
    for (const doc::PortGroup& group : network.port_groups) {
        if (!port.group.empty() && group.name == port.group) return &group;
        if (group.default_ == sdk::xml::YesNo::yes) usual = &group;
    }
    if (!port.group.empty())
        return make_error(ErrorCode::internal_error, ErrorDomain::network, "network '{}' has no portgroup '{}'",
                          network.name, port.group);
    return usual;
}

// The first that is given counts: the port's own, its group's, the network's.
template <typename T> void take(std::optional<T>& to, const std::optional<T>& group, const std::optional<T>& network) {
    if (!to) to = group ? group : network;
}
void take(sdk::xml::YesNo& to, sdk::xml::YesNo group, sdk::xml::YesNo network) {
    if (to == sdk::xml::YesNo::unset) to = group != sdk::xml::YesNo::unset ? group : network;
}

// The device that the fewest use; one alone where the mode wants it so.
Result<doc::Plug> direct_plug(const doc::Network& network, const Uses& uses) {
    const doc::ForwardMode mode = network.mode();
    const auto count = [&uses](const doc::ForwardInterface& i) {
        const auto found = uses.find(i.dev);
        return found == uses.end() ? 0U : found->second;
    };
    const doc::ForwardInterface* best = nullptr;
    for (const doc::ForwardInterface& i : network.forward->interfaces)
        if (best == nullptr || count(i) < count(*best)) best = &i;
    if (best == nullptr)
        return make_error(ErrorCode::internal_error, ErrorDomain::network,
                          "network '{}' uses a direct mode, but has no forward dev and no interface pool",
                          network.name);
    if (mode == doc::ForwardMode::passthrough && count(*best) > 0)
        return make_error(ErrorCode::internal_error, ErrorDomain::network,
                          "network '{}' requires exclusive access to interfaces, but none are available", network.name);
    doc::Plug plug;
    plug.type = doc::PlugType::direct;
    plug.dev = best->dev;
    plug.mode = mode == doc::ForwardMode::private_      ? doc::PlugMode::private_
                : mode == doc::ForwardMode::vepa        ? doc::PlugMode::vepa
                : mode == doc::ForwardMode::passthrough ? doc::PlugMode::passthrough
                                                        : doc::PlugMode::bridge;
    return plug;
}

} // namespace

Status allocate(doc::Port& port, const doc::Network& network, const Uses& uses) {
    PV_ASSIGN_OR_RETURN(const doc::PortGroup* const group, group_of(port, network));
    const doc::PortGroup none;
    const doc::PortGroup& g = group != nullptr ? *group : none;
    if (group != nullptr) port.group = group->name;
    take(port.bandwidth, g.bandwidth, std::optional<doc::Bandwidth>());
    take(port.virtual_port, g.virtual_port, network.virtual_port);
    take(port.vlan, g.vlan, network.vlan);
    take(port.trust_guest_rx_filters, g.trust_guest_rx_filters, network.trust_guest_rx_filters);
    take(port.isolated, sdk::xml::YesNo::unset, network.isolated_ports);
    doc::Plug plug;
    if (network.bridge && !network.bridge->name.empty()) {
        plug.type = network.owns_bridge() ? doc::PlugType::network : doc::PlugType::bridge;
        plug.bridge = network.bridge->name;
        plug.mac_table_manager = network.bridge->mac_table_manager;
    } else {
        PV_ASSIGN_OR_RETURN(plug, direct_plug(network, uses));
    }
    port.plug = plug;
    return {};
}

} // namespace polyvirt::network
