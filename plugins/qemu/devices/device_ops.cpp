// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "devices/device_ops.h"

#include <optional>
#include <utility>

#include "base/error_text.h"
#include "driver.h"
#include "validate.h"

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

// What the peer fills in for devices that come later, and leaves open for those that were there.
static void fill_in(dom::Device& device) {
    if (device.kind != dom::DeviceKind::shmem) return;
    auto& shmem = device.as<dom::Shmem>();
    if (shmem.model == "ivshmem-plain" && !shmem.size) shmem.size = 4, shmem.size_unit = std::string(1, 'M');
    if (shmem.model == "ivshmem-doorbell") {
        if (!shmem.msi) shmem.msi.emplace();
        if (shmem.msi->ioeventfd == dom::OnOff::unset) shmem.msi->ioeventfd = dom::OnOff::on;
    }
}

Result<Domain> DeviceOps::changed_config(const GuestPtr& guest, const std::string& xml, Verb verb) {
    PV_ASSIGN_OR_RETURN(dom::Device device, dom::parse_device(xml, true));
    fill_in(device);
    PV_ASSIGN_OR_RETURN(Domain domain, config_of(*guest));
    dom::order_as_read(domain);
    const auto defaults = [this](Domain& d) { return driver_.fill_defaults(d); };
    PV_ASSIGN_OR_RETURN(dom::Device full, dom::with_defaults(domain, device, defaults));
    // An interface is found by what was said of it alone.
    if (full.kind == dom::DeviceKind::interface && verb != Verb::attach) full.as<dom::Interface>().mac = device.as<dom::Interface>().mac;
    if (verb == Verb::attach) {
        PV_TRY(check_device(domain, device, full));
        PV_TRY(dom::check_attach(domain, full, ErrorDomain::qemu));
        PV_TRY(dom::attach_device(domain, std::move(device), ErrorDomain::qemu));
    } else if (verb == Verb::detach) {
        PV_TRY(dom::detach_device(domain, full, ErrorDomain::qemu));
    } else {
        PV_TRY(dom::update_device(domain, std::move(full), ErrorDomain::qemu));
    }
    PV_TRY(driver_.complete(domain));
    return domain;
}

// What is wrong with a device in this machine is said before it is looked whether it can come.
Status DeviceOps::check_device(const Domain& domain, const dom::Device& device, const dom::Device& full) {
    Domain tried = domain;
    dom::add_device(tried.devices, device);
    PV_TRY(dom::validate(tried));
    tried = domain;
    dom::add_device(tried.devices, full);
    return qemu::validate(tried);
}

Result<Domain> DeviceOps::config_of(Guest& guest) {
    sdk::domain::PackedDomainPtr config;
    {
        const ObjectLock lock(guest.mu);
        if (!guest.removed) config = guest.config;
    }
    if (!config) return no_domain(guest);
    return config->unpack();
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
        PV_CO_ASSIGN_OR_RETURN(config, config_of(*guest));
        dom::order_as_read(*config);
        const auto ref = dom::find_alias(config->devices, alias);
        if (!ref) co_return make_error(ErrorCode::device_missing, ErrorDomain::qemu, "no device found with alias {}", alias);
        dom::detach_device_at(*config, *ref);
        PV_CO_TRY(driver_.complete(*config));
    }
    if (affected.live)
        co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "devices of a running guest cannot be changed by this version");
    if (config) PV_CO_TRY(driver_.put_config(guest, *config, op->call()));
    co_return Status{};
}

} // namespace polyvirt::qemu
