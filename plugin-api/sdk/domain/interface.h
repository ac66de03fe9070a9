// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// <interface>.

#include "sdk/domain/disk.h"
#include "sdk/network/common.h"

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
// Addresses and ways of an interface: as the guest sees it, or (in <source>) of the host's end.
struct InterfaceIp {
    std::string family; // ipv4, ipv6
    std::optional<xml::IpAddress> address, peer;
    Number prefix;
};
struct InterfaceRoute {
    std::string family;
    std::optional<xml::IpAddress> address, netmask, gateway;
    Number prefix, metric;
};
struct FilterParameter {
    std::string name, value;
};
// <filterref>: a network filter and what its variables stand for.
struct FilterRef {
    std::string filter;
    std::vector<FilterParameter> parameters;
};
// Which of these is used follows from the interface's type.
struct InterfaceSource {
    std::string network, portgroup, port_id, bridge, dev, mode, name, type, path, address, port;
    std::optional<HostAddress> host_address; // hostdev
    std::optional<InterfaceLocal> local;     // udp
    std::optional<Reconnect> reconnect;      // vhostuser
    std::vector<InterfaceIp> ips;
    std::vector<InterfaceRoute> routes;
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
    std::optional<network::VirtualPort> virtualport;
    std::optional<network::Vlan> vlan;
    std::optional<network::Bandwidth> bandwidth;
    std::string backend_domain; // xen
    std::string script, downscript;
    InterfaceTarget target;
    std::string model;
    InterfaceDriver driver;
    LinkState link{};
    Number mtu;
    YesNo isolated{};
    InterfaceBackend backend;
    std::optional<FilterRef> filter;
    std::optional<std::uint64_t> sndbuf; // bytes
    std::optional<Coalesce> coalesce;
    std::optional<Teaming> teaming;
    std::string guest_dev, guest_actual; // containers
    Rom rom;
    Number acpi_index;
    std::vector<InterfaceIp> ips;
    std::vector<InterfaceRoute> routes;
    DeviceInfo info;
};

void describe(xml::Binder& b, InterfaceMac& v);
void describe(xml::Binder& b, InterfaceIp& v);
void describe(xml::Binder& b, InterfaceRoute& v);
void describe(xml::Binder& b, FilterParameter& v);
void describe(xml::Binder& b, FilterRef& v);
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
