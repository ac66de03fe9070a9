// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The document of a device of the machine.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "sdk/xml/root.h"

namespace polyvirt::sdk::nodedev {

using Number = std::optional<std::uint32_t>;
using Wide = std::optional<std::uint64_t>;

// The first eighteen are what a device is; the others stand inside one of these.
enum class CapType : std::uint8_t {
    unset,
    system,
    pci,
    usb_device,
    usb,
    net,
    scsi_generic,
    scsi_host,
    scsi_target,
    scsi,
    storage,
    drm,
    mdev,
    ccw,
    css,
    vdpa,
    ap_card,
    ap_queue,
    ap_matrix,
    fc_host,
    vport_ops,
    fc_remote_port,
    mdev_types,
    vpd,
    phys_function,
    virt_functions,
    pci_bridge,
    cardbus_bridge,
    removable,
    hotpluggable,
    net_80203,
    net_80211
};
inline constexpr std::string_view kCapTypes[] = {
    "",          "system",         "pci",           "usb_device",     "usb",        "net",
    "scsi_generic", "scsi_host",   "scsi_target",   "scsi",           "storage",    "drm",
    "mdev",      "ccw",            "css",           "vdpa",           "ap_card",    "ap_queue",
    "ap_matrix", "fc_host",        "vport_ops",        "fc_remote_port", "mdev_types", "vpd",
    "phys_function", "virt_functions", "pci-bridge", "cardbus-bridge", "removable", "hotpluggable",
    "80203",     "80211"};
constexpr xml::Names names_of(CapType) {
    return kCapTypes;
}

struct Named { // <vendor id='0x8086'>Intel</vendor>
    Number id;
    std::string text;
};
struct Address {
    Number domain, bus, slot, function;
};
struct IommuGroup {
    Number number;
    std::vector<Address> addresses;
};
struct MdevType {
    std::string id, name, device_api;
    Number available_instances;
};
struct MdevAttribute {
    std::string name, value;
};
struct Feature {
    std::string name;
};
struct NetLink {
    Number speed;
    std::string state;
};
struct PciLink {
    std::string validity, speed;
    Number port, width;
};
struct PciExpress {
    std::vector<PciLink> links;
};
struct VpdField {
    std::string index, text;
};
struct VpdFields {
    std::string access, change_level, manufacture_id, part_number, serial_number, asset_tag;
    std::vector<VpdField> vendor_fields, system_fields;
};
struct Hardware {
    std::string vendor, version, serial;
    std::optional<Uuid> uuid;
};
struct Firmware {
    std::string vendor, version, release_date;
};
struct CcwAddress {
    std::string cssid, ssid, devno;
};

// Which fields are used follows from the type.
struct Capability {
    CapType type{};
    std::string product;                     // system
    Hardware hardware;                       // system
    Firmware firmware;                       // system
    std::string pci_class;                   // pci
    Wide domain, bus, slot, function;        // pci; bus also usb_device, scsi
    Wide device;                             // usb_device
    Named product_id, vendor_id;             // pci, usb_device
    std::vector<Address> addresses;          // phys_function, virt_functions
    Number max_count;                        // virt_functions
    std::optional<IommuGroup> iommu_group;   // pci, mdev
    std::optional<std::int32_t> numa_node;   // pci
    std::optional<PciExpress> pci_express;   // pci
    Wide number, usb_class, subclass, protocol; // usb
    std::string description;                 // usb
    std::string interface, mac;              // net
    std::optional<NetLink> link;             // net
    std::vector<Feature> features;           // net
    std::string character;                   // scsi_generic, vdpa
    Wide host;                               // scsi_host, scsi
    std::optional<std::int64_t> unique_id;   // scsi_host
    std::string wwnn, wwpn, fabric_wwn;      // fc_host; wwpn also fc_remote_port
    Number max_vports, vports;               // vport_ops
    std::string target, rport;               // scsi_target, scsi; fc_remote_port
    Wide lun;                                // scsi
    std::string kind;                        // scsi, drm: <type>
    std::string block, storage_bus, drive_type, model, vendor, serial; // storage
    Wide size, logical_block_size, num_blocks;                         // storage
    Number media_available;                                            // removable
    Wide media_size;
    std::string media_label;
    std::string mdev_type, parent_address;     // mdev
    std::optional<Uuid> uuid;                  // mdev
    std::vector<MdevAttribute> attributes;     // mdev
    std::vector<MdevType> types;               // mdev_types
    CcwAddress ccw;                            // ccw, css
    std::optional<CcwAddress> channel_address; // css
    Wide ap_adapter;                           // ap_card, ap_queue
    std::string ap_domain;                     // ap_queue
    std::string vpd_name;                      // vpd
    std::vector<VpdFields> vpd_fields;         // vpd
    std::vector<Capability> inner;
};

struct DevNode {
    std::string type, path; // "dev" or "link"
};
// By its name, or for virtual adapters by what it is connected to.
struct Parent {
    std::string name, wwnn, wwpn, fabric_wwn;
};

struct Device {
    std::string name, path;
    std::vector<DevNode> nodes;
    Parent parent;
    std::string driver;
    std::vector<Capability> capabilities;

    // All of them, outer ones first.
    [[nodiscard]] std::vector<CapType> types() const;
    // The first of that type, outer or inner, or null.
    [[nodiscard]] const Capability* find(CapType type) const;
    Capability* find(CapType type);
};

void describe(xml::Binder& b, Capability& v);
void describe(xml::Binder& b, Device& v);

inline constexpr xml::RootName kDeviceRoot{"device", "node device description", ErrorDomain::nodedev};
using ParsedDevice = xml::ParsedRoot<Device>;
// Read and checked; a device to be made has no name yet. Errors: xml_error.
Result<ParsedDevice> parse_device(std::string_view text, const xml::Limits& limits = {});
Result<ParsedDevice> parse_device(const xml::Node& root);
std::string format_device(const Device& v);

// "fc_host", as documents and lists call it.
std::string_view name_of(CapType type);

} // namespace polyvirt::sdk::nodedev
