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
struct InterfaceLocal {
    std::string address, port;
};
// Which of these is used follows from the interface's type.
struct InterfaceSource {
    std::string network, portgroup, port_id, bridge, dev, mode, name, type, path, address, port;
    std::optional<HostAddress> host_address; // hostdev
    std::optional<InterfaceLocal> local;     // udp
    std::optional<Reconnect> reconnect;      // vhostuser
    Kept kept;                               // ip, route
};
// What is offloaded, of the host's side and of the guest's.
struct HostOffload {
    OnOff csum{}, gso{}, tso4{}, tso6{}, ecn{}, ufo{}, mrg_rxbuf{};
};
struct GuestOffload {
    OnOff csum{}, tso4{}, tso6{}, ecn{}, ufo{};
};
struct InterfaceBackend {
    std::string type, tap, vhost, log_file;
};
struct Coalesce {
    Number rx_max_frames;
};
struct InterfaceDriver {
    std::string name, txmode;
    OnOff ioeventfd{}, event_idx{}, rss{}, rss_hash_report{};
    Number queues, rx_queue_size, tx_queue_size;
    VirtioOptions virtio;
    HostOffload host;
    GuestOffload guest;
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
    InterfaceBackend backend;
    std::optional<std::uint64_t> sndbuf; // bytes
    std::optional<Coalesce> coalesce;
    std::optional<Teaming> teaming;
    std::string guest_dev, guest_actual; // containers
    Rom rom;
    Number acpi_index;
    Kept kept; // virtualport, vlan, filterref, bandwidth, ip, route
    DeviceInfo info;
};

void describe(xml::Binder& b, InterfaceMac& v);
void describe(xml::Binder& b, InterfaceSource& v);
void describe(xml::Binder& b, HostOffload& v);
void describe(xml::Binder& b, GuestOffload& v);
void describe(xml::Binder& b, InterfaceBackend& v);
void describe(xml::Binder& b, InterfaceLocal& v);
void describe(xml::Binder& b, Coalesce& v);
void describe(xml::Binder& b, InterfaceDriver& v);
void describe(xml::Binder& b, InterfaceTarget& v);
void describe(xml::Binder& b, Interface& v);

} // namespace polyvirt::sdk::domain
