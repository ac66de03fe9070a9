// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "devices/device_ops.h"

#include <optional>
#include <utility>

#include "base/error_text.h"
#include "driver.h"

namespace polyvirt::qemu {
namespace {

namespace dom = sdk::domain;
constexpr std::uint32_t kAffect = PV_DOMAIN_DEVICE_MODIFY_LIVE | PV_DOMAIN_DEVICE_MODIFY_CONFIG;

struct VerbRow {
    std::uint32_t flags;
    const char *function, *what;
};
constexpr VerbRow kVerbs[] = {
    {kAffect, "qemuDomainAttachDeviceFlags", "attach device"},
    {kAffect, "qemuDomainDetachDeviceFlags", "detach device"},
    {kAffect | PV_DOMAIN_DEVICE_MODIFY_FORCE, "qemuDomainUpdateDeviceFlags", "update device"},
};

} // namespace

pv_status DeviceOps::attach_device(pv_call* call, const pv_obj* obj, const pv_dom_attach_device_in& in, pv_dom_attach_device_out&) {
    return modify(call, obj, in.xml, in.flags, Verb::attach);
}
pv_status DeviceOps::detach_device(pv_call* call, const pv_obj* obj, const pv_dom_detach_device_in& in, pv_dom_detach_device_out&) {
    return modify(call, obj, in.xml, in.flags, Verb::detach);
}
pv_status DeviceOps::update_device(pv_call* call, const pv_obj* obj, const pv_dom_update_device_in& in, pv_dom_update_device_out&) {
    return modify(call, obj, in.xml, in.flags, Verb::update);
}

pv_status DeviceOps::modify(pv_call* call, const pv_obj* obj, const char* xml, std::uint32_t flags, Verb verb) {
    const VerbRow& row = kVerbs[static_cast<std::size_t>(verb)];
    if (const Status known = check_flags(flags, row.flags, row.function); !known) return answer(call, known);
    return change(call, obj, row.what, [this, xml = std::string(xml), flags, verb](const sdk::OperationPtr& op, const GuestPtr& guest) {
        return run_change(op, guest, xml, flags, verb);
    });
}

pv_status DeviceOps::detach_device_alias(pv_call* call, const pv_obj* obj, const pv_dom_detach_device_alias_in& in,
                                         pv_dom_detach_device_alias_out&) {
    if (const Status known = check_flags(in.flags, kAffect, "qemuDomainDetachDeviceAlias"); !known) return answer(call, known);
    return change(call, obj, "detach device", [this, alias = std::string(in.alias), flags = in.flags](const sdk::OperationPtr& op, const GuestPtr& guest) {
        return run_detach_alias(op, guest, alias, flags);
    });
}

Result<Domain> DeviceOps::changed_config(const GuestPtr& guest, const std::string& xml, Verb verb) {
    PV_ASSIGN_OR_RETURN(dom::Device device, dom::parse_device(xml, true));
    const auto edit = [&](Domain& domain) -> Status {
        const auto defaults = [this](Domain& d) { return driver_.fill_defaults(d); };
        PV_ASSIGN_OR_RETURN(dom::Device full, dom::with_defaults(domain, device, defaults));
        // An interface is found by what was said of it alone.
        if (full.kind == dom::DeviceKind::interface && verb != Verb::attach) full.as<dom::Interface>().mac = device.as<dom::Interface>().mac;
        if (verb == Verb::detach) return dom::detach_device(domain, full, ErrorDomain::qemu);
        if (verb == Verb::update) return dom::update_device(domain, std::move(full), ErrorDomain::qemu);
        if (!dom::in_config(device.kind, verb)) {
            // What is wrong with the device is said before that none can be attached.
            Domain tried = domain;
            dom::add_device(tried.devices, device);
            PV_TRY(driver_.settle(tried));
        }
        if (device.kind == dom::DeviceKind::console && full.as<dom::Chardev>().target.type.empty()) full = device;
        PV_TRY(dom::check_attach(domain, full, ErrorDomain::qemu));
        return dom::attach_device(domain, device, ErrorDomain::qemu);
    };
    return driver_.edited_config(guest, edit);
}

DeviceOps::Task DeviceOps::run_change(sdk::OperationPtr op, GuestPtr guest, std::string xml, std::uint32_t flags, Verb verb) {
    PV_CO_ASSIGN_OR_RETURN(const Affected affected, affected_by(*guest, flags));
    std::optional<Domain> config;
    if (affected.config) {
        PV_CO_ASSIGN_OR_RETURN(config, changed_config(guest, xml, verb));
    }
    if (affected.live)
        co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "devices of a running guest cannot be changed by this version");
    if (config) PV_CO_TRY(driver_.put_config(guest, *config, op->call()));
    co_return Status{};
}

DeviceOps::Task DeviceOps::run_detach_alias(sdk::OperationPtr op, GuestPtr guest, std::string alias, std::uint32_t flags) {
    PV_CO_ASSIGN_OR_RETURN(const Affected affected, affected_by(*guest, flags));
    std::optional<Domain> config;
    if (affected.config) {
        const auto edit = [&](Domain& domain) -> Status {
            const auto ref = dom::find_alias(domain.devices, alias);
            if (!ref) return make_error(ErrorCode::device_missing, ErrorDomain::qemu, "no device found with alias {}", alias);
            dom::detach_device_at(domain, *ref);
            return {};
        };
        PV_CO_ASSIGN_OR_RETURN(config, driver_.edited_config(guest, edit));
    }
    if (affected.live)
        co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "devices of a running guest cannot be changed by this version");
    if (config) PV_CO_TRY(driver_.put_config(guest, *config, op->call()));
    co_return Status{};
}

} // namespace polyvirt::qemu
