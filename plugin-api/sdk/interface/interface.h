// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The document of a network interface of the host.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sdk/xml/root.h"

namespace polyvirt::sdk::interface {

using Number = std::optional<std::uint32_t>;

enum class InterfaceType : std::uint8_t { unset, ethernet, bridge, bond, vlan };
inline constexpr std::string_view kInterfaceTypes[] = {"", "ethernet", "bridge", "bond", "vlan"};
constexpr xml::Names names_of(InterfaceType) {
    return kInterfaceTypes;
}
enum class StartMode : std::uint8_t { unset, onboot, none, hotplug };
inline constexpr std::string_view kStartModes[] = {"", "onboot", "none", "hotplug"};
constexpr xml::Names names_of(StartMode) {
    return kStartModes;
}
enum class LinkState : std::uint8_t { unset, unknown, notpresent, down, lowerlayerdown, testing, dormant, up };
inline constexpr std::string_view kLinkStates[] = {"",        "unknown", "notpresent", "down", "lowerlayerdown",
                                                   "testing", "dormant", "up"};
constexpr xml::Names names_of(LinkState) {
    return kLinkStates;
}
enum class Family : std::uint8_t { unset, ipv4, ipv6 };
inline constexpr std::string_view kFamilies[] = {"", "ipv4", "ipv6"};
constexpr xml::Names names_of(Family) {
    return kFamilies;
}
enum class BondMode : std::uint8_t {
    unset,
    balance_rr,
    active_backup,
    balance_xor,
    broadcast,
    lacp,
    balance_tlb,
    balance_alb
};
inline constexpr std::string_view kBondModes[] = {
    "", "balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"};
constexpr xml::Names names_of(BondMode) {
    return kBondModes;
}
enum class Carrier : std::uint8_t { unset, ioctl, netif };
inline constexpr std::string_view kCarriers[] = {"", "ioctl", "netif"};
constexpr xml::Names names_of(Carrier) {
    return kCarriers;
}
enum class ArpValidate : std::uint8_t { unset, none, active, backup, all };
inline constexpr std::string_view kArpValidates[] = {"", "none", "active", "backup", "all"};
constexpr xml::Names names_of(ArpValidate) {
    return kArpValidates;
}

struct Link {
    Number speed;
    LinkState state{};
};
struct Dhcp {
    xml::YesNo peerdns{};
};
struct Ip {
    std::optional<xml::IpAddress> address;
    Number prefix;
};
struct Route {
    std::optional<xml::IpAddress> gateway;
};
struct Protocol {
    Family family{};
    bool autoconf = false;
    std::optional<Dhcp> dhcp;
    std::vector<Ip> ips;
    std::vector<Route> routes;
};
struct Miimon {
    Number freq, downdelay, updelay;
    Carrier carrier{};
};
struct Arpmon {
    Number interval;
    std::optional<xml::IpAddress> target;
    ArpValidate validate{};
};

struct Interface;
struct Bridge {
    xml::OnOff stp{};
    std::string delay; // seconds, may have a fraction
    std::vector<Interface> interfaces;
};
struct Bond {
    BondMode mode{};
    std::optional<Miimon> miimon;
    std::optional<Arpmon> arpmon;
    std::vector<Interface> interfaces;
};
struct VlanDevice {
    std::string name;
};
struct Vlan {
    Number tag;
    std::optional<VlanDevice> device;
};

struct Interface {
    InterfaceType type{};
    std::string name;
    StartMode start{};
    Number mtu;
    std::vector<Protocol> protocols;
    std::optional<xml::Mac> mac;
    std::optional<Link> link;
    std::optional<Bridge> bridge;
    std::optional<Bond> bond;
    std::optional<Vlan> vlan;
};

void describe(xml::Binder& b, Interface& v);

inline constexpr xml::RootName kInterfaceRoot{"interface", "interface description", ErrorDomain::interface};
using ParsedInterface = xml::ParsedRoot<Interface>;
// Read and checked. Errors: xml_error.
Result<ParsedInterface> parse_interface(std::string_view text, const xml::Limits& limits = {});
Result<ParsedInterface> parse_interface(const xml::Node& root);
std::string format_interface(const Interface& v);

} // namespace polyvirt::sdk::interface
