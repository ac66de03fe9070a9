// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The network document. Parsing keeps what was written, complete_network() adds what follows from it
// and checks the rules across elements.
//
//     PV_ASSIGN_OR_RETURN(ParsedNetwork parsed, parse_network(text));
//     std::string dump = format_network(parsed.value);
//
// Plain values, no thread and no lock.

#include "base/uuid.h"
#include "sdk/network/dns.h"
#include "sdk/xml/root.h"

namespace polyvirt::sdk::network {

enum class ForwardMode : std::uint8_t {
    unset,
    none,
    nat,
    route,
    open,
    bridge,
    private_,
    vepa,
    passthrough,
    hostdev
};
inline constexpr std::string_view kForwardModes[] = {
    "",       "none",    "nat",  "route",       "open",
    "bridge", "private", "vepa", "passthrough", "hostdev"};
constexpr xml::Names names_of(ForwardMode) {
    return kForwardModes;
}

struct AddressRange {
    Address start, end;
};
struct PortRange {
    Number start, end;
};
struct Nat {
    YesNo ipv6{};
    std::optional<AddressRange> address;
    std::optional<PortRange> port;
};
struct ForwardInterface {
    std::string dev;
    Number connections; // of a running network
};
enum class AddressType : std::uint8_t { unset, pci };
inline constexpr std::string_view kAddressTypes[] = {"", "pci"};
constexpr xml::Names names_of(AddressType) {
    return kAddressTypes;
}
struct ForwardAddress {
    AddressType type{};
    PciAddress pci;
    Number connections; // of a running network
};
struct ForwardPf {
    std::string dev;
};
struct Forward {
    ForwardMode mode{};
    std::string dev;
    YesNo managed{};
    HostdevDriver driver{};
    std::optional<Nat> nat;
    std::vector<ForwardPf> pfs;
    std::vector<ForwardInterface> interfaces;
    std::vector<ForwardAddress> addresses;
};

struct Bridge {
    std::string name, zone;
    OnOff stp{};
    Number delay;
    MacTableManager mac_table_manager{};
};
struct DnsDomain {
    std::string name;
    YesNo local_only{}, register_{};
};
struct PortGroup {
    std::string name;
    YesNo default_{}, trust_guest_rx_filters{};
    std::optional<Vlan> vlan;
    std::optional<VirtualPort> virtual_port;
    std::optional<Bandwidth> bandwidth;
};
struct DnsmasqOption {
    std::string value;
};
struct DnsmasqOptions {
    std::vector<DnsmasqOption> options;
};

struct Network {
    Number connections; // of a running network
    YesNo ipv6{}, trust_guest_rx_filters{};
    std::string name;
    std::optional<Uuid> uuid;
    std::string title, description;
    std::optional<xml::Node> metadata; // word for word
    std::optional<Forward> forward;
    std::optional<Bridge> bridge;
    Number mtu;
    std::optional<xml::Mac> mac;
    DnsDomain domain;
    std::optional<Dns> dns;
    std::optional<Vlan> vlan;
    std::optional<Bandwidth> bandwidth;
    YesNo isolated_ports{};
    std::vector<Ip> ips;
    std::vector<Route> routes;
    std::optional<VirtualPort> virtual_port;
    std::vector<PortGroup> port_groups;
    DnsmasqOptions dnsmasq;

    [[nodiscard]] ForwardMode mode() const { return forward ? forward->mode : ForwardMode::none; }
    // Whether the network has a bridge of its own, which the daemon makes.
    [[nodiscard]] bool owns_bridge() const;
};

void describe(xml::Binder& b, AddressRange& v);
void describe(xml::Binder& b, PortRange& v);
void describe(xml::Binder& b, Nat& v);
void describe(xml::Binder& b, ForwardInterface& v);
void describe(xml::Binder& b, ForwardAddress& v);
void describe(xml::Binder& b, ForwardPf& v);
void describe(xml::Binder& b, Forward& v);
void describe(xml::Binder& b, Bridge& v);
void describe(xml::Binder& b, DnsDomain& v);
void describe(xml::Binder& b, PortGroup& v);
void describe(xml::Binder& b, DnsmasqOption& v);
void describe(xml::Binder& b, DnsmasqOptions& v);
void describe(xml::Binder& b, Network& v);

inline constexpr xml::Namespace kDnsmasqNamespace{
    "dnsmasq", "http://libvirt.org/schemas/network/dnsmasq/1.0"};
inline constexpr xml::RootName kNetworkRoot{"network", "network description", ErrorDomain::network};

using ParsedNetwork = xml::ParsedRoot<Network>;
// Read, completed and checked. Errors: xml_error and config_unsupported.
Result<ParsedNetwork> parse_network(std::string_view text, const xml::Limits& limits = {});
Result<ParsedNetwork> parse_network(const xml::Node& root);
// Defaults (uuid, forward mode, bridge's stp and delay, lease units) and rules across elements; may be
// called again after a change.
Status complete_network(Network& v);

struct FormatOptions {
    bool inactive = false; // without what only a running network has
};
std::string format_network(const Network& v, const FormatOptions& options = {});

} // namespace polyvirt::sdk::network
