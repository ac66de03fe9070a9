// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// A capability is described by a table: what each type holds.
#include "sdk/nodedev/nodedev.h"

#include <algorithm>

#include "sdk/xml/format.h"

namespace polyvirt::sdk::nodedev {
namespace {

xml::Rule hex(int digits) {
    xml::Rule r;
    r.hex = digits;
    return r;
}

using Describe = void (*)(xml::Binder& b, Capability& v);

} // namespace

static void describe(xml::Binder& b, Named& v) {
    b.attr("id", v.id, hex(4));
    b.text(v.text);
}
static void describe(xml::Binder& b, Address& v) {
    b.attr("domain", v.domain, hex(4));
    b.attr("bus", v.bus, hex(2));
    b.attr("slot", v.slot, hex(2));
    b.attr("function", v.function, hex(1));
}
static void describe(xml::Binder& b, IommuGroup& v) {
    b.attr("number", v.number, xml::kRequired);
    b.child("address", v.addresses);
}
static void describe(xml::Binder& b, MdevType& v) {
    b.attr("id", v.id, xml::kRequired);
    b.element("name", v.name);
    b.element("deviceAPI", v.device_api);
    b.element("availableInstances", v.available_instances);
}
static void describe(xml::Binder& b, MdevAttribute& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("value", v.value);
}
static void describe(xml::Binder& b, Feature& v) {
    b.attr("name", v.name, xml::kRequired);
}
static void describe(xml::Binder& b, NetLink& v) {
    b.attr("speed", v.speed);
    b.attr("state", v.state);
}
static void describe(xml::Binder& b, PciLink& v) {
    b.attr("validity", v.validity);
    b.attr("port", v.port);
    b.attr("speed", v.speed);
    b.attr("width", v.width);
}
static void describe(xml::Binder& b, PciExpress& v) {
    b.child("link", v.links);
}
static void describe(xml::Binder& b, VpdField& v) {
    b.attr("index", v.index, xml::kRequired);
    b.text(v.text);
}
static void describe(xml::Binder& b, VpdFields& v) {
    b.attr("access", v.access, xml::kRequired);
    b.element("change_level", v.change_level);
    b.element("manufacture_id", v.manufacture_id);
    b.element("part_number", v.part_number);
    b.element("serial_number", v.serial_number);
    b.element("asset_tag", v.asset_tag);
    b.child("vendor_field", v.vendor_fields);
    b.child("system_field", v.system_fields);
}
static void describe(xml::Binder& b, Hardware& v) {
    b.element("vendor", v.vendor);
    b.element("version", v.version);
    b.element("serial", v.serial);
    b.element("uuid", v.uuid);
}
static void describe(xml::Binder& b, Firmware& v) {
    b.element("vendor", v.vendor);
    b.element("version", v.version);
    b.element("release_date", v.release_date);
}
static void describe(xml::Binder& b, CcwAddress& v) {
    b.element("cssid", v.cssid);
    b.element("ssid", v.ssid);
    b.element("devno", v.devno);
}

namespace {

void system(xml::Binder& b, Capability& v) {
    b.element("product", v.product);
    b.child("hardware", v.hardware);
    b.child("firmware", v.firmware);
}
void pci(xml::Binder& b, Capability& v) {
    b.element("class", v.pci_class);
    b.element("domain", v.domain);
    b.element("bus", v.bus);
    b.element("slot", v.slot);
    b.element("function", v.function);
    b.child("product", v.product_id);
    b.child("vendor", v.vendor_id);
    b.child("capability", v.inner);
    b.child("iommuGroup", v.iommu_group);
    b.group("numa", [&] { b.attr("node", v.numa_node); });
    b.child("pci-express", v.pci_express);
}
void usb_device(xml::Binder& b, Capability& v) {
    b.element("bus", v.bus);
    b.element("device", v.device);
    b.child("product", v.product_id);
    b.child("vendor", v.vendor_id);
}
void usb(xml::Binder& b, Capability& v) {
    b.element("number", v.number);
    b.element("class", v.usb_class);
    b.element("subclass", v.subclass);
    b.element("protocol", v.protocol);
    b.element("description", v.description);
}
void net(xml::Binder& b, Capability& v) {
    b.element("interface", v.interface);
    b.element("address", v.mac);
    b.child("link", v.link);
    b.child("feature", v.features);
    b.child("capability", v.inner);
}
void scsi_generic(xml::Binder& b, Capability& v) {
    b.element("char", v.character);
}
void scsi_host(xml::Binder& b, Capability& v) {
    b.element("host", v.host);
    b.element("unique_id", v.unique_id);
    b.child("capability", v.inner);
}
void scsi_target(xml::Binder& b, Capability& v) {
    b.element("target", v.target);
    b.child("capability", v.inner);
}
void scsi(xml::Binder& b, Capability& v) {
    b.element("host", v.host);
    b.element("bus", v.bus);
    b.element("target", v.target);
    b.element("lun", v.lun);
    b.element("type", v.kind);
}
void storage(xml::Binder& b, Capability& v) {
    b.element("block", v.block);
    b.element("bus", v.storage_bus);
    b.element("drive_type", v.drive_type);
    b.element("model", v.model);
    b.element("vendor", v.vendor);
    b.element("serial", v.serial);
    b.child("capability", v.inner);
    b.element("size", v.size);
    b.element("logical_block_size", v.logical_block_size);
    b.element("num_blocks", v.num_blocks);
}
void removable(xml::Binder& b, Capability& v) {
    b.element("media_available", v.media_available, xml::Rule{}.limits(0, 1));
    b.element("media_size", v.media_size);
    b.element("media_label", v.media_label);
    b.element("logical_block_size", v.logical_block_size);
    b.element("num_blocks", v.num_blocks);
}
void drm(xml::Binder& b, Capability& v) {
    b.element("type", v.kind);
}
void mdev(xml::Binder& b, Capability& v) {
    b.group("type", [&] { b.attr("id", v.mdev_type); });
    b.element("uuid", v.uuid);
    b.element("parent_addr", v.parent_address);
    b.child("iommuGroup", v.iommu_group);
    b.child("attr", v.attributes);
}
void ccw(xml::Binder& b, Capability& v) {
    describe(b, v.ccw);
}
void css(xml::Binder& b, Capability& v) {
    describe(b, v.ccw);
    b.child("channel_dev_addr", v.channel_address);
    b.child("capability", v.inner);
}
void vdpa(xml::Binder& b, Capability& v) {
    b.element("chardev", v.character);
}
void ap(xml::Binder& b, Capability& v) {
    xml::Rule adapter = hex(2);
    b.element("ap-adapter", v.ap_adapter, adapter.limits(0, 255));
    b.element("ap-domain", v.ap_domain);
}
void inner_only(xml::Binder& b, Capability& v) {
    b.child("capability", v.inner);
}
void fc_host(xml::Binder& b, Capability& v) {
    b.element("wwnn", v.wwnn);
    b.element("wwpn", v.wwpn);
    b.element("fabric_wwn", v.fabric_wwn);
}
void vport_ops(xml::Binder& b, Capability& v) {
    b.element("max_vports", v.max_vports);
    b.element("vports", v.vports);
}
void fc_remote_port(xml::Binder& b, Capability& v) {
    b.element("rport", v.rport);
    b.element("wwpn", v.wwpn);
}
void mdev_types(xml::Binder& b, Capability& v) {
    b.child("type", v.types);
}
void vpd(xml::Binder& b, Capability& v) {
    b.element("name", v.vpd_name);
    b.child("fields", v.vpd_fields);
}
void functions(xml::Binder& b, Capability& v) {
    b.attr("maxCount", v.max_count);
    b.child("address", v.addresses);
}

struct Row {
    CapType type;
    const char* condition;
    Describe describe; // null: nothing in it
};
constexpr Row kRows[] = {
    {CapType::system, "type is system", system},
    {CapType::pci, "type is pci", pci},
    {CapType::usb_device, "type is usb_device", usb_device},
    {CapType::usb, "type is usb", usb},
    {CapType::net, "type is net", net},
    {CapType::scsi_generic, "type is scsi_generic", scsi_generic},
    {CapType::scsi_host, "type is scsi_host", scsi_host},
    {CapType::scsi_target, "type is scsi_target", scsi_target},
    {CapType::scsi, "type is scsi", scsi},
    {CapType::storage, "type is storage", storage},
    {CapType::drm, "type is drm", drm},
    {CapType::mdev, "type is mdev", mdev},
    {CapType::ccw, "type is ccw", ccw},
    {CapType::css, "type is css", css},
    {CapType::vdpa, "type is vdpa", vdpa},
    {CapType::ap_card, "type is ap_card", ap},
    {CapType::ap_queue, "type is ap_queue", ap},
    {CapType::ap_matrix, "type is ap_matrix", inner_only},
    {CapType::fc_host, "type is fc_host", fc_host},
    {CapType::vport_ops, "type is vport_ops", vport_ops},
    {CapType::fc_remote_port, "type is fc_remote_port", fc_remote_port},
    {CapType::mdev_types, "type is mdev_types", mdev_types},
    {CapType::vpd, "type is vpd", vpd},
    {CapType::phys_function, "type is phys_function", functions},
    {CapType::virt_functions, "type is virt_functions", functions},
    {CapType::removable, "type is removable", removable},
};

template <typename D> auto* find_in(D& list, CapType type) {
    using Item = std::remove_reference_t<decltype(list[0])>;
    for (auto& c : list) {
        if (c.type == type)
            return &c;
        if (Item* inner = find_in(c.inner, type))
            return inner;
    }
    return static_cast<Item*>(nullptr);
}

} // namespace

void describe(xml::Binder& b, Capability& v) {
    b.attr("type", v.type, xml::kRequired);
    for (const Row& row : kRows)
        b.when(v.type == row.type, row.condition, [&] { row.describe(b, v); });
}

static void describe(xml::Binder& b, DevNode& v) {
    b.attr("type", v.type, xml::kRequired);
    b.text(v.path);
}
static void describe(xml::Binder& b, Parent& v) {
    b.attr("wwnn", v.wwnn);
    b.attr("wwpn", v.wwpn);
    b.attr("fabric_wwn", v.fabric_wwn);
    b.text(v.name);
    b.require(v.wwnn.empty() == v.wwpn.empty(), "'wwnn' and 'wwpn' of <parent> go together");
}

void describe(xml::Binder& b, Device& v) {
    b.element("name", v.name);
    b.element("path", v.path);
    b.child("devnode", v.nodes);
    b.child("parent", v.parent);
    b.group("driver", [&] { b.element("name", v.driver); });
    b.child("capability", v.capabilities);
}

std::vector<CapType> Device::types() const {
    std::vector<CapType> out;
    for (const Capability& c : capabilities)
        out.push_back(c.type);
    for (const Capability& c : capabilities)
        for (const Capability& i : c.inner)
            out.push_back(i.type);
    return out;
}
const Capability* Device::find(CapType type) const {
    return find_in(capabilities, type);
}
Capability* Device::find(CapType type) {
    return find_in(capabilities, type);
}

std::string_view name_of(CapType type) {
    return kCapTypes[static_cast<std::size_t>(type)];
}

Result<ParsedDevice> parse_device(std::string_view text, const xml::Limits& limits) {
    PV_ASSIGN_OR_RETURN(const xml::Node root, xml::read(text, kDeviceRoot.what, limits));
    return parse_device(root);
}

Result<ParsedDevice> parse_device(const xml::Node& root) {
    PV_ASSIGN_OR_RETURN(ParsedDevice parsed, xml::parse_root<Device>(root, kDeviceRoot));
    if (parsed.value.capabilities.empty())
        return make_error(ErrorCode::xml_error, ErrorDomain::nodedev, "no device capabilities for '{}'",
                          parsed.value.name.empty() ? "new device" : parsed.value.name);
    return parsed;
}

std::string format_device(const Device& v) {
    return xml::format("device", v);
}

} // namespace polyvirt::sdk::nodedev
