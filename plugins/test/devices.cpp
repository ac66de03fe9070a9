// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "devices.h"

namespace polyvirt::test {

namespace nodedev = sdk::nodedev;
using nodedev::CapType;
using sdk::xml::Node;

namespace {

Result<DescribedDevice> described_device(const Node& root) {
    return describe_object<nodedev::Device>(root, [](const Node& n) { return nodedev::parse_device(n); });
}

Error no_device(const HostDevice& d) {
    return make_error(ErrorCode::no_node_device, ErrorDomain::test, "no node device with matching name '{}'", d.name);
}
Error no_parent(const std::string& how) {
    return make_error(ErrorCode::internal_error, ErrorDomain::test, "Could not find parent device for '{}'", how);
}

// What clients look a device up by.
struct DeviceKeys {
    std::vector<pv_key> list;
    explicit DeviceKeys(const nodedev::Device& d) {
        if (!d.parent.name.empty()) list.push_back({"parent", d.parent.name.c_str()});
        for (const CapType type : d.types()) list.push_back({"cap", nodedev::name_of(type).data()});
        if (const nodedev::Capability* fc = d.find(CapType::fc_host)) {
            list.push_back({"wwnn", fc->wwnn.c_str()});
            list.push_back({"wwpn", fc->wwpn.c_str()});
        }
    }
    DeviceKeys(const DeviceKeys&) = delete;
    DeviceKeys& operator=(const DeviceKeys&) = delete;
};

// "mdev_UUID_PARENT" with underscores, as such devices are called.
std::string mdev_name(const Uuid& uuid, const std::string& parent_address) {
    std::string name = "mdev_" + uuid.to_string() + "_" + parent_address;
    for (char& c : name)
        if (c == '-' || c == ':' || c == '.') c = '_';
    return name;
}

} // namespace

NodeDevices::NodeDevices(Driver& driver) : driver_(driver), s_(driver.services()), table_(driver.services(), PV_KIND_NODEDEV) {}

Result<DescribedDevice> NodeDevices::parse(std::string_view xml) const {
    PV_ASSIGN_OR_RETURN(const Node root, sdk::xml::read(xml, nodedev::kDeviceRoot.what));
    return described_device(root);
}

Result<HostDevicePtr> NodeDevices::parent_of(const nodedev::Device& device) const {
    const nodedev::Parent& p = device.parent;
    if (!p.name.empty()) {
        if (HostDevicePtr found = table_.find(p.name)) return found;
        return no_parent(p.name);
    }
    for (const HostDevicePtr& candidate : table_.all()) {
        const ObjectLock lock(candidate->mu);
        const nodedev::Capability* fc = candidate->document->find(CapType::fc_host);
        const bool can = candidate->document->find(CapType::vport_ops) != nullptr;
        if (fc == nullptr || !can) continue;
        if (!p.wwnn.empty() && (fc->wwnn != p.wwnn || fc->wwpn != p.wwpn)) continue;
        if (!p.fabric_wwn.empty() && fc->fabric_wwn != p.fabric_wwn) continue;
        return candidate;
    }
    return no_parent(device.name.empty() ? "new device" : device.name);
}

std::string NodeDevices::next_adapter(std::uint64_t& number) const {
    number = 0;
    for (const HostDevicePtr& d : table_.all()) {
        const ObjectLock lock(d->mu);
        if (const nodedev::Capability* host = d->document->find(CapType::scsi_host))
            number = std::max(number, host->host.value_or(0));
    }
    return fmt::format("scsi_host{}", ++number);
}

Result<std::uint64_t> NodeDevices::make(pv_call* call, DescribedDevice d, bool active) {
    nodedev::Device made = *d.value;
    PV_ASSIGN_OR_RETURN(const HostDevicePtr parent, parent_of(made));
    std::shared_ptr<const nodedev::Device> above;
    {
        const ObjectLock lock(parent->mu);
        above = parent->document;
    }
    made.parent = {parent->name, {}, {}, {}};
    if (nodedev::Capability* fc = made.find(CapType::fc_host); fc != nullptr && active) {
        const nodedev::Capability* parent_fc = above->find(CapType::fc_host);
        if (parent_fc == nullptr || above->find(CapType::vport_ops) == nullptr)
            return make_error(ErrorCode::internal_error, ErrorDomain::test, "Parent device {} is not capable of vport operations",
                              parent->name);
        if (fc->wwnn.empty() || fc->wwpn.empty())
            return make_error(ErrorCode::xml_error, ErrorDomain::test, "no wwnn or wwpn supplied for '{}'", "new device");
        fc->fabric_wwn = parent_fc->fabric_wwn;
        nodedev::Capability* host = made.find(CapType::scsi_host);
        if (host == nullptr)
            return make_error(ErrorCode::config_unsupported, ErrorDomain::test, "Unsupported device type: fc_host outside of scsi_host");
        std::uint64_t number = 0;
        made.name = next_adapter(number);
        host->host = number;
        host->unique_id = static_cast<std::int64_t>(number) - 1;
    } else if (nodedev::Capability* mdev = made.find(CapType::mdev)) {
        if (mdev->mdev_type.empty())
            return make_error(ErrorCode::xml_error, ErrorDomain::test, "missing type id attribute for '{}'", "new device");
        if (!mdev->uuid) mdev->uuid = Uuid::random();
        if (mdev->parent_address.empty()) mdev->parent_address = parent->name;
        made.name = mdev_name(*mdev->uuid, mdev->parent_address);
    } else {
        return make_error(ErrorCode::config_unsupported, ErrorDomain::test, "Unsupported device type");
    }
    d.value = std::make_shared<const nodedev::Device>(std::move(made));
    return add(call, d, active, !active);
}

Result<std::uint64_t> NodeDevices::add(pv_call* call, const DescribedDevice& d, bool active, bool persistent) {
    const auto fresh = std::make_shared<HostDevice>(d.value->name);
    {
        const ObjectLock lock(fresh->mu);
        fresh->document = d.value;
    }
    const DeviceKeys keys(*d.value);
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.attrs = attribute_if(active, PV_ATTR_ACTIVE) | attribute_if(persistent, PV_ATTR_PERSISTENT);
    desc.nkeys = static_cast<std::uint32_t>(keys.list.size());
    desc.keys = keys.list.data();
    PV_ASSIGN_OR_RETURN(const Table::Added added, table_.add(fresh, call, desc));
    std::uint64_t handle = 0;
    PV_TRY(change(added.object, [&](HostDevice& dev) PV_REQUIRES(dev.mu) -> Status {
        if (!added.fresh && active && dev.active)
            return make_error(ErrorCode::operation_failed, ErrorDomain::test, "node device '{}' is there already", dev.name);
        dev.document = d.value;
        dev.faults_text = d.faults_text;
        driver_.faults().declare(dev.handle, d.faults);
        if (persistent) {
            dev.persistent = true;
            show(dev);
            post(dev, PV_NODE_DEVICE_EVENT_DEFINED);
        }
        if (active) set_active(dev, true);
        handle = dev.handle;
        return {};
    }));
    return handle;
}

Status NodeDevices::change(const HostDevicePtr& d, const Change& change) {
    Status done;
    bool over = false;
    {
        const ObjectLock lock(d->mu);
        if (d->removed) return no_device(*d);
        done = change(*d);
        over = !d->active && !d->persistent;
        if (over) driver_.faults().declare(d->handle, {});
    }
    if (over) table_.remove(*d);
    return done;
}

void NodeDevices::set_active(HostDevice& d, bool active) const {
    d.active = active;
    show(d);
    post(d, active ? PV_NODE_DEVICE_EVENT_CREATED : PV_NODE_DEVICE_EVENT_DELETED);
}

void NodeDevices::show(HostDevice& d) const {
    set_attributes(s_, d.handle,
                   attribute_if(d.active, PV_ATTR_ACTIVE) | attribute_if(d.persistent, PV_ATTR_PERSISTENT) |
                       attribute_if(d.autostart, PV_ATTR_AUTOSTART),
                   PV_ATTR_ACTIVE | PV_ATTR_PERSISTENT | PV_ATTR_AUTOSTART);
}

void NodeDevices::post(const HostDevice& d, std::int32_t event) const {
    post_lifecycle<pv_event_nodedev_lifecycle>(driver_, PV_KIND_NODEDEV, d, d.handle, event);
}

void NodeDevices::post_update(const HostDevice& d) const {
    pv_event_nodedev_update payload{};
    payload.size = sizeof payload;
    post_event(driver_, PV_KIND_NODEDEV, d, d.handle, PV_EVENT_NODEDEV_UPDATE, &payload);
}

Status NodeDevices::load(const Node& element) {
    PV_ASSIGN_OR_RETURN(const DescribedDevice d, described_device(element));
    if (d.value->name.empty()) return make_error(ErrorCode::no_name, ErrorDomain::test, "<device> has no <name>");
    auto added = add(nullptr, d, true, false);
    return added ? Status() : Status(std::move(added).error());
}

} // namespace polyvirt::test
