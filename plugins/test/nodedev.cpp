// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.nodedev: devices of the host.

#include <polyvirt/abi/gen/nodedev.h>

#include "devices.h"
#include "op.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

namespace nodedev = sdk::nodedev;

Error invalid_device(std::string text) { return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "{}", text); }

class NodeDeviceOps : public Ops {
  public:
    using Ops::Ops;

    pv_status xml_desc(pv_call* call, const pv_obj* obj, const pv_nodedev_xml_desc_in& in, pv_nodedev_xml_desc_out& out) {
        if (const Status flags = check_flags(in.flags, PV_NODE_DEVICE_XML_INACTIVE, "testNodeDeviceGetXMLDesc"); !flags)
            return answer(call, flags);
        std::string text;
        const pv_status status = with(call, obj, [&](HostDevice& d) PV_REQUIRES(d.mu) -> Status {
            text = with_faults(nodedev::format_device(*d.document), d.faults_text);
            return {};
        });
        return status == PV_OK ? write_document(s_, call, out.xml, text) : status;
    }

    pv_status create_xml(pv_call* call, const pv_obj*, const pv_nodedev_create_xml_in& in, pv_nodedev_create_xml_out& out) {
        if (const Status flags = check_flags(in.flags, PV_NODE_DEVICE_CREATE_XML_VALIDATE, "testNodeDeviceCreateXML"); !flags)
            return answer(call, flags);
        return make(call, in.xml, true, (in.flags & PV_NODE_DEVICE_CREATE_XML_VALIDATE) != 0, out.obj);
    }
    pv_status define_xml(pv_call* call, const pv_obj*, const pv_nodedev_define_xml_in& in, pv_nodedev_define_xml_out& out) {
        if (const Status flags = check_flags(in.flags, PV_NODE_DEVICE_DEFINE_XML_VALIDATE, "testNodeDeviceDefineXML"); !flags)
            return answer(call, flags);
        return make(call, in.xml, false, (in.flags & PV_NODE_DEVICE_DEFINE_XML_VALIDATE) != 0, out.obj);
    }

    pv_status undefine(pv_call* call, const pv_obj* obj, const pv_nodedev_undefine_in& in, pv_nodedev_undefine_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testNodeDeviceUndefine"); !flags) return answer(call, flags);
        return with(call, obj, [this](HostDevice& d) PV_REQUIRES(d.mu) -> Status {
            if (!d.persistent) return invalid_device(fmt::format("device '{}' is not defined", d.name));
            d.persistent = d.autostart = false;
            devices().show(d);
            devices().post(d, PV_NODE_DEVICE_EVENT_UNDEFINED);
            return {};
        });
    }
    pv_status create(pv_call* call, const pv_obj* obj, const pv_nodedev_create_in& in, pv_nodedev_create_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testNodeDeviceCreate"); !flags) return answer(call, flags);
        return with(call, obj, [this](HostDevice& d) PV_REQUIRES(d.mu) -> Status {
            if (d.active) return invalid_device("Device is already active");
            devices().set_active(d, true);
            return {};
        });
    }
    pv_status destroy(pv_call* call, const pv_obj* obj, const pv_nodedev_destroy_in&, pv_nodedev_destroy_out&) {
        return with(call, obj, [this](HostDevice& d) PV_REQUIRES(d.mu) -> Status {
            if (!d.active) return invalid_device(fmt::format("Device '{}' is not active", d.name));
            devices().set_active(d, false);
            return {};
        });
    }

    // Type and attributes of a mediated device.
    pv_status update(pv_call* call, const pv_obj* obj, const pv_nodedev_update_in& in, pv_nodedev_update_out&) {
        constexpr std::uint32_t kFlags = PV_NODE_DEVICE_UPDATE_AFFECT_LIVE | PV_NODE_DEVICE_UPDATE_AFFECT_CONFIG;
        if (const Status flags = check_flags(in.flags, kFlags, "testNodeDeviceUpdate"); !flags) return answer(call, flags);
        auto described = devices().parse(in.xml);
        if (!described) return fail(call, described.error());
        return with(call, obj, [&](HostDevice& d) PV_REQUIRES(d.mu) -> Status {
            if ((in.flags & PV_NODE_DEVICE_UPDATE_AFFECT_LIVE) != 0 && !d.active)
                return invalid_device(fmt::format("Device '{}' is not active", d.name));
            if ((in.flags & PV_NODE_DEVICE_UPDATE_AFFECT_CONFIG) != 0 && !d.persistent)
                return invalid_device(fmt::format("device '{}' is not defined", d.name));
            const nodedev::Capability* from = described->value->find(nodedev::CapType::mdev);
            auto changed = std::make_shared<nodedev::Device>(*d.document);
            nodedev::Capability* to = changed->find(nodedev::CapType::mdev);
            if (from == nullptr || to == nullptr)
                return make_error(ErrorCode::config_unsupported, ErrorDomain::test, "Unsupported device type: only mediated devices change");
            if (from->uuid && from->uuid != to->uuid)
                return make_error(ErrorCode::operation_failed, ErrorDomain::test, "the uuid of device '{}' cannot be changed", d.name);
            to->mdev_type = from->mdev_type;
            to->attributes = from->attributes;
            d.document = std::move(changed);
            devices().post_update(d);
            return {};
        });
    }

    pv_status set_autostart(pv_call* call, const pv_obj* obj, const pv_nodedev_set_autostart_in& in, pv_nodedev_set_autostart_out&) {
        return with(call, obj, [&](HostDevice& d) PV_REQUIRES(d.mu) -> Status {
            if (!d.persistent) return invalid_device("cannot set autostart for transient device");
            d.autostart = in.autostart != 0;
            devices().show(d);
            return {};
        });
    }

    pv_status detach(pv_call* call, const pv_obj* obj, const pv_nodedev_detach_in& in, pv_nodedev_detach_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testNodeDeviceDetachFlags"); !flags) return answer(call, flags);
        const std::string driver = in.driver != nullptr ? in.driver : "vfio";
        if (driver != "vfio" && driver != "kvm")
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "unknown driver name '{}', expected 'vfio' or 'kvm'",
                                         driver));
        return pci(call, obj, [&](HostDevice& d) PV_REQUIRES(d.mu) -> Status {
            if (d.detached) return invalid_device(fmt::format("device '{}' is detached already", d.name));
            auto changed = std::make_shared<nodedev::Device>(*d.document);
            d.host_driver = changed->driver;
            changed->driver = driver == "vfio" ? "vfio-pci" : "pci-stub";
            d.document = std::move(changed);
            d.detached = true;
            devices().post_update(d);
            return {};
        });
    }
    pv_status reattach(pv_call* call, const pv_obj* obj, const pv_nodedev_reattach_in&, pv_nodedev_reattach_out&) {
        return pci(call, obj, [&](HostDevice& d) PV_REQUIRES(d.mu) -> Status {
            if (!d.detached) return invalid_device(fmt::format("device '{}' is not detached", d.name));
            auto changed = std::make_shared<nodedev::Device>(*d.document);
            changed->driver = std::move(d.host_driver);
            d.document = std::move(changed);
            d.detached = false;
            devices().post_update(d);
            return {};
        });
    }
    pv_status reset(pv_call* call, const pv_obj* obj, const pv_nodedev_reset_in&, pv_nodedev_reset_out&) {
        return pci(call, obj, [](HostDevice& d) PV_REQUIRES(d.mu) -> Status {
            if (!d.detached) return invalid_device(fmt::format("device '{}' is in use by its driver: detach it first", d.name));
            return {}; // it has no state
        });
    }

  private:
    NodeDevices& devices() const { return driver_.devices(); }
    pv_status with(pv_call* call, const pv_obj* obj, const NodeDevices::Change& change) const {
        return answer(call, devices().change(NodeDevices::of(obj), change));
    }
    pv_status pci(pv_call* call, const pv_obj* obj, const NodeDevices::Change& change) const {
        return with(call, obj, [&](HostDevice& d) PV_REQUIRES(d.mu) -> Status {
            if (d.document->find(nodedev::CapType::pci) == nullptr)
                return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "device '{}' is not a PCI device", d.name);
            return change(d);
        });
    }
    pv_status make(pv_call* call, const char* xml, bool active, bool validate, std::uint64_t& handle) const {
        auto described = validated(devices().parse(xml), validate);
        if (!described) return fail(call, described.error());
        auto made = devices().make(call, *std::move(described), active);
        if (!made) return fail(call, made.error());
        handle = *made;
        return PV_OK;
    }
};

} // namespace

const void* nodedev_table() {
    static const auto table = make_table<pv_nodedev>([](auto& t) {
        t.xml_desc = op<"nodedev.xml_desc", &NodeDeviceOps::xml_desc>;
        t.create_xml = op<"nodedev.create_xml", &NodeDeviceOps::create_xml>;
        t.define_xml = op<"nodedev.define_xml", &NodeDeviceOps::define_xml>;
        t.undefine = op<"nodedev.undefine", &NodeDeviceOps::undefine>;
        t.create = op<"nodedev.create", &NodeDeviceOps::create>;
        t.destroy = op<"nodedev.destroy", &NodeDeviceOps::destroy>;
        t.update = op<"nodedev.update", &NodeDeviceOps::update>;
        t.set_autostart = op<"nodedev.set_autostart", &NodeDeviceOps::set_autostart>;
        t.detach = op<"nodedev.detach", &NodeDeviceOps::detach>;
        t.reattach = op<"nodedev.reattach", &NodeDeviceOps::reattach>;
        t.reset = op<"nodedev.reset", &NodeDeviceOps::reset>;
    });
    return &table;
}

} // namespace polyvirt::test
