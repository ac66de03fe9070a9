// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The document of a network's port: one guest's interface on the network.

#include "base/uuid.h"
#include "sdk/network/common.h"
#include "sdk/xml/root.h"

namespace polyvirt::sdk::network {

enum class PlugType : std::uint8_t { unset, none, network, bridge, direct, hostdev_pci };
inline constexpr std::string_view kPlugTypes[] = {"",       "none",   "network",
                                                  "bridge", "direct", "hostdev-pci"};
constexpr xml::Names names_of(PlugType) {
    return kPlugTypes;
}
enum class PlugMode : std::uint8_t { unset, vepa, private_, bridge, passthrough };
inline constexpr std::string_view kPlugModes[] = {"", "vepa", "private", "bridge", "passthrough"};
constexpr xml::Names names_of(PlugMode) {
    return kPlugModes;
}

// Which of these is used follows from the type.
struct Plug {
    PlugType type{};
    std::string bridge, dev;
    MacTableManager mac_table_manager{};
    PlugMode mode{};
    YesNo managed{};
    HostdevDriver driver{};
    std::optional<PciAddress> address;
};

struct PortOwner {
    std::string name;
    std::optional<Uuid> uuid;
};

struct Port {
    std::optional<Uuid> uuid;
    PortOwner owner;
    std::optional<xml::Mac> mac;
    std::string group;
    YesNo trust_guest_rx_filters{};
    std::optional<VirtualPort> virtual_port;
    std::optional<Bandwidth> bandwidth;
    std::optional<Vlan> vlan;
    YesNo isolated{};
    std::optional<Plug> plug;
};

void describe(xml::Binder& b, PciAddress& v);
void describe(xml::Binder& b, Plug& v);
void describe(xml::Binder& b, PortOwner& v);
void describe(xml::Binder& b, Port& v);

inline constexpr xml::RootName kPortRoot{"networkport", "network port description",
                                         ErrorDomain::network};
using ParsedPort = xml::ParsedRoot<Port>;
// Read and checked; a uuid is made up where there is none. Errors: xml_error.
Result<ParsedPort> parse_port(std::string_view text, const xml::Limits& limits = {});
Result<ParsedPort> parse_port(const xml::Node& root);
std::string format_port(const Port& v);

} // namespace polyvirt::sdk::network
