// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// <interface>.

#include "sdk/domain/disk.h"

namespace polyvirt::sdk::domain {

enum class InterfaceType : std::uint8_t {
    unset,
    user,
    ethernet,
    vhostuser,
    server,
    client,
    mcast,
    network,
    bridge,
    internal,
    direct,
    hostdev,
    udp,
    vdpa
};
inline constexpr std::string_view kInterfaceTypes[] = {
    "",        "user",   "ethernet", "vhostuser", "server",  "client", "mcast",
    "network", "bridge", "internal", "direct",    "hostdev", "udp",    "vdpa"};
constexpr xml::Names names_of(InterfaceType) {
    return kInterfaceTypes;
}

enum class LinkState : std::uint8_t { unset, up, down };
inline constexpr std::string_view kLinkStates[] = {"", "up", "down"};
constexpr xml::Names names_of(LinkState) {
    return kLinkStates;
}

struct InterfaceMac {
    std::optional<xml::Mac> address;
    std::string type, check;
};
// Which of these is used follows from the interface's type.
struct InterfaceSource {
    std::string network, portgroup, port_id, bridge, dev, mode, name, type, path, address, port;
    Kept kept;
};
struct InterfaceDriver {
    std::string name, txmode;
    OnOff ioeventfd{}, event_idx{}, rss{}, rss_hash_report{};
    Number queues, rx_queue_size, tx_queue_size;
    VirtioOptions virtio;
    Kept kept;
};
struct InterfaceTarget {
    std::string dev;
    YesNo managed{};
};

struct Interface {
    InterfaceType type{};
    YesNo managed{}, trust_guest_rx_filters{};
    InterfaceMac mac;
    InterfaceSource source;
    std::string script, downscript;
    InterfaceTarget target;
    std::string model;
    InterfaceDriver driver;
    LinkState link{};
    Number mtu;
    YesNo isolated{};
    Kept kept;
    DeviceInfo info;
};

void describe(xml::Binder& b, InterfaceMac& v);
void describe(xml::Binder& b, InterfaceSource& v);
void describe(xml::Binder& b, InterfaceDriver& v);
void describe(xml::Binder& b, InterfaceTarget& v);
void describe(xml::Binder& b, Interface& v);

} // namespace polyvirt::sdk::domain
