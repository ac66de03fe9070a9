// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What networks, their ports and interfaces share: virtual ports, VLANs, bandwidth, PCI addresses.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sdk/xml/binder.h"

namespace polyvirt::sdk::network {

using xml::OnOff;
using xml::YesNo;
using Number = std::optional<std::uint32_t>;
using Wide = std::optional<std::uint64_t>;
using Address = std::optional<xml::IpAddress>;

struct PciAddress {
    Number domain, bus, slot, function;
    bool operator==(const PciAddress&) const = default;
};
void describe_pci(xml::Binder& b, PciAddress& v); // the attributes alone

enum class VirtualPortType : std::uint8_t { unset, none, p8021Qbg, p8021Qbh, openvswitch, midonet };
inline constexpr std::string_view kVirtualPortTypes[] = {
    "", "none", "802.1Qbg", "802.1Qbh", "openvswitch", "midonet"};
constexpr xml::Names names_of(VirtualPortType) {
    return kVirtualPortTypes;
}

struct VirtualPortParameters {
    Number manager_id, type_id, type_id_version;
    std::optional<Uuid> instance_id, interface_id;
    std::string profile_id;
};
void describe(xml::Binder& b, VirtualPortParameters& v);

// A part of a network may leave the type to the network as a whole.
struct VirtualPort {
    VirtualPortType type{};
    VirtualPortParameters parameters;
};
void describe(xml::Binder& b, VirtualPort& v);

enum class NativeMode : std::uint8_t { unset, tagged, untagged };
inline constexpr std::string_view kNativeModes[] = {"", "tagged", "untagged"};
constexpr xml::Names names_of(NativeMode) {
    return kNativeModes;
}
struct VlanTag {
    Number id;
    NativeMode native_mode{};
};
void describe(xml::Binder& b, VlanTag& v);

struct Vlan {
    YesNo trunk{};
    std::vector<VlanTag> tags;
};
void describe(xml::Binder& b, Vlan& v);
// Several tags are a trunk even if it is not said.
Status complete_vlan(Vlan& v);

// KiB/s, burst in KiB.
struct BandwidthRate {
    Wide average, peak, burst, floor;
};
void describe(xml::Binder& b, BandwidthRate& v);

struct Bandwidth {
    Number class_id;
    std::optional<BandwidthRate> inbound, outbound;
};
void describe(xml::Binder& b, Bandwidth& v);

enum class MacTableManager : std::uint8_t { unset, kernel, libvirt };
inline constexpr std::string_view kMacTableManagers[] = {"", "kernel", "libvirt"};
constexpr xml::Names names_of(MacTableManager) {
    return kMacTableManagers;
}

enum class HostdevDriver : std::uint8_t { unset, kvm, vfio };
inline constexpr std::string_view kHostdevDrivers[] = {"", "kvm", "vfio"};
constexpr xml::Names names_of(HostdevDriver) {
    return kHostdevDrivers;
}

} // namespace polyvirt::sdk::network
