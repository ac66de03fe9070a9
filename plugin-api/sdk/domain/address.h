// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Where a device sits in the guest, and what every device has: alias, boot order.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sdk/xml/binder.h"

namespace polyvirt::sdk::domain {

using xml::OnOff;
using xml::YesNo;
using Number = std::optional<std::uint32_t>;
using Kept = std::vector<xml::Node>; // children that are known by name and printed again, not more

enum class AddressType : std::uint8_t {
    unset,
    pci,
    drive,
    virtio_serial,
    ccid,
    usb,
    isa,
    dimm,
    unassigned,
    virtio_mmio,
    ccw,
    spapr_vio
};
inline constexpr std::string_view kAddressTypes[] = {
    "",    "pci",  "drive",      "virtio-serial", "ccid", "usb",
    "isa", "dimm", "unassigned", "virtio-mmio",   "ccw",  "spapr-vio"};
constexpr xml::Names names_of(AddressType) {
    return kAddressTypes;
}

// Which fields mean something follows from the type. All absent: to be assigned.
struct Address {
    AddressType type{};
    Number domain, bus, slot, function; // pci; bus also drive, virtio-serial, usb
    OnOff multifunction{};
    Number controller, target, unit;                // drive; controller also virtio-serial and ccid
    std::string port;                               // usb ("1.4"), virtio-serial
    std::optional<std::uint64_t> iobase, irq, base; // isa, dimm
    Number zpci_uid, zpci_fid;                      // pci of s390

    [[nodiscard]] bool is_pci() const { return type == AddressType::pci && bus && slot; }
    static Address pci(std::uint32_t bus, std::uint32_t slot, std::uint32_t function);
    static Address drive(std::uint32_t controller, std::uint32_t bus, std::uint32_t target,
                         std::uint32_t unit);
    static Address usb(std::uint32_t bus, std::string port);
    static Address virtio_serial(std::uint32_t controller, std::uint32_t bus, std::uint32_t port);
};
void describe(xml::Binder& b, Address& a);

struct Alias {
    std::string name; // "ua-..." is the user's and kept; others live as long as the guest runs
};
void describe(xml::Binder& b, Alias& a);

struct Boot {
    Number order, loadparm;
};
void describe(xml::Binder& b, Boot& v);

// The end of every device's description, in the order printed.
struct DeviceInfo {
    Alias alias;
    Boot boot;
    std::optional<Address> address;
};
void describe_info(xml::Binder& b, DeviceInfo& info);

// An address on the host: PCI, USB (bus, device), SCSI (bus, target, unit), mdev (uuid).
struct HostAddress {
    Number domain, bus, slot, function, device, target;
    std::optional<std::uint64_t> unit;
    std::string uuid;
    std::string type; // "pci" where a document says so
};
void describe(xml::Binder& b, HostAddress& v);

struct Rom {
    YesNo enabled{};
    OnOff bar{};
    std::string file;
};
struct Teaming {
    std::string type, persistent;
};
void describe(xml::Binder& b, Rom& v);
void describe(xml::Binder& b, Teaming& v);

// Of sockets that are connected to.
struct Reconnect {
    YesNo enabled{};
    Number timeout; // s
};
void describe(xml::Binder& b, Reconnect& v);

// A security label of one source alone.
struct SourceLabel {
    std::string model, label;
    YesNo relabel{}, labelskip{};
};
void describe(xml::Binder& b, SourceLabel& v);

// <driver> options of virtio devices.
struct VirtioOptions {
    OnOff iommu{}, ats{}, packed{}, page_per_vq{};
};
void describe_virtio(xml::Binder& b, VirtioOptions& v);

} // namespace polyvirt::sdk::domain
