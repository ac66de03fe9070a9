// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "devices/device_ops.h"

#include <optional>
#include <utility>

#include "base/error_text.h"
#include "base/log.h"
#include "devices/intent.h"
#include "devices/live.h"
#include "driver.h"
#include "hostdev/memory_lock.h"
#include "net/port.h"
#include "net/script.h"
#include "virtiofs/servers.h"

namespace polyvirt::qemu {
namespace {

namespace dom = sdk::domain;
constexpr std::uint32_t kModify = PV_DOMAIN_DEVICE_MODIFY_LIVE | PV_DOMAIN_DEVICE_MODIFY_CONFIG;

struct VerbRow {
    std::uint32_t flags;
    const char *function, *what;
};
constexpr VerbRow kVerbs[] = {
    {kModify, "qemuDomainAttachDeviceFlags", "attach device"},
    {kModify, "qemuDomainDetachDeviceFlags", "detach device"},
    {kModify | PV_DOMAIN_DEVICE_MODIFY_FORCE, "qemuDomainUpdateDeviceFlags", "update device"},
};

Error no_alias(const std::string& alias) {
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "no device found with alias {}", alias);
}

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
    if (const Status known = check_flags(in.flags, kModify, "qemuDomainDetachDeviceAlias"); !known) return answer(call, known);
    return change(call, obj, "detach device", [this, alias = std::string(in.alias), flags = in.flags](const sdk::OperationPtr& op, const GuestPtr& guest) {
        return run_detach_alias(op, guest, alias, flags);
    });
}

Result<Domain> DeviceOps::changed_config(const GuestPtr& guest, const std::string& xml, Verb verb) {
    PV_ASSIGN_OR_RETURN(dom::Device device, dom::parse_device(xml, true));
    fill_attached(device);
    PV_ASSIGN_OR_RETURN(Domain domain, config_of(*guest));
    dom::order_as_read(domain);
    const auto defaults = [this](Domain& d) { return driver_.fill_defaults(d); };
    PV_ASSIGN_OR_RETURN(dom::Device full, dom::with_defaults(domain, device, defaults));
    // An interface is found by what was said of it alone.
    if (full.kind == dom::DeviceKind::interface && verb != Verb::attach) full.as<dom::Interface>().mac = device.as<dom::Interface>().mac;
    if (verb == Verb::attach) {
        PV_TRY(check_attached(domain, device, full, driver_.settings().protections.spice.tls));
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
    const auto live = [&]() -> Task {
        if (verb == Verb::attach) return attach_live(op, guest, std::move(xml));
        if (verb == Verb::detach) return detach_live(guest, std::move(xml));
        return update_live(guest, std::move(xml), flags);
    };
    if (!affected.live) co_return driver_.put_config(guest, *config, op->call());
    Task change = live();
    co_return co_await with_config(op, guest, std::move(config), std::move(change));
}

// A drive that is there already: what is attached is its medium.
static bool is_medium(Guest& guest, const std::string& xml) {
    const auto device = dom::parse_device(xml, true);
    if (!device || device->kind != dom::DeviceKind::disk) return false;
    const auto& disk = device->as<dom::Disk>();
    if (disk.device != dom::DiskDevice::cdrom && disk.device != dom::DiskDevice::floppy) return false;
    const ObjectLock lock(guest.mu);
    return guest.live && dom::find_device(guest.live->devices, *device, ErrorDomain::qemu).has_value();
}

// The persistent description is on disk before the emulator is asked for anything, and put back where that fails: of
// the two this is what can be undone for sure.
DeviceOps::Task DeviceOps::with_config(sdk::OperationPtr op, GuestPtr guest, std::optional<Domain> config, Task live) {
    if (!config) co_return co_await live;
    PV_CO_ASSIGN_OR_RETURN(const Domain before, config_of(*guest));
    PV_CO_TRY(driver_.put_config(guest, *config, op->call()));
    const Status changed = co_await live;
    if (changed) co_return changed;
    PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    if (const Status back = driver_.put_config(guest, before, op->call()); !back)
        log::error("devices", "domain '{}': its persistent description has a device too many or too few: {}", guest->name, back.error().message);
    co_return changed;
}

DeviceOps::Task DeviceOps::attach_live(sdk::OperationPtr op, GuestPtr guest, std::string xml) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    if (is_medium(*guest, xml)) co_return co_await update_live(guest, std::move(xml), 0);
    PV_CO_ASSIGN_OR_RETURN(const AttachPlanPtr plan, plan_attach(driver_, guest, run, xml, op->call()));
    Status plugged;
    {
        const ObjectLock lock(guest->mu);
        if (guest->live) guest->attaching = attach_intent(*guest->live, *plan);
        else plugged = make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
    }
    if (plugged) plugged = driver_.save_status_now(guest, op->call());
    if (plugged) plugged = run->take_devices(plan->taken, op->call());
    if (plugged) plugged = raise_memory_lock(run->pid(), plan->locked);
    if (plugged) plugged = run->open_up(plan->needs, op->call());
    if (plugged && plan->device.kind == dom::DeviceKind::interface) plugged = bring_up(driver_, op->call(), plan->device.as<dom::Interface>());
    if (plugged) plugged = start_server(run, *plan, op->call());
    if (plugged) plugged = co_await plug_in(run, plan);
    PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    if (!plugged) {
        {
            const ObjectLock lock(guest->mu);
            guest->attaching = nullptr;
        }
        drop_server(*guest, plan->device.info()->alias.name);
        run->close_up(plan->needs);
        if (plan->device.kind == dom::DeviceKind::interface) unplug_interface(driver_, guest, plan->device.as<dom::Interface>());
        run->return_device(plan->device.info()->alias.name);
        if (const Status saved = driver_.save_status_now(guest, nullptr); !saved)
            log::error("devices", "domain '{}': {}", guest->name, saved.error().message);
        co_return plugged;
    }
    {
        const ObjectLock lock(guest->mu);
        guest->attaching = nullptr;
        if (!guest->live) co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
        driver_.edit_live(*guest, [&](Domain& d) {
            for (const dom::Device& c : plan->controllers) dom::insert_device(d, c);
            dom::insert_device(d, plan->device);
        });
        pv_event_domain_device_added payload{};
        payload.size = sizeof payload;
        const std::string& alias = plan->device.info()->alias.name;
        payload.dev_alias = alias.c_str();
        driver_.post_event(*guest, PV_EVENT_DOMAIN_DEVICE_ADDED, &payload);
    }
    co_return co_await driver_.saved(guest);
}

DeviceOps::Task DeviceOps::detach_live(GuestPtr guest, std::string xml) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(guest->mu);
        live = guest->live;
    }
    if (!live) co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
    PV_CO_ASSIGN_OR_RETURN(const dom::Device wanted, wanted_device(*live, xml));
    PV_CO_ASSIGN_OR_RETURN(const dom::DeviceRef ref, dom::find_device(live->devices, wanted, ErrorDomain::qemu));
    co_return co_await detach_there(guest, run, live, ref, true);
}

DeviceOps::Task DeviceOps::detach_there(GuestPtr guest, RunPtr run, std::shared_ptr<const Domain> live, dom::DeviceRef ref, bool wait) {
    PV_CO_TRY(check_unplug(*live, ref));
    const dom::Device device = dom::device_at(live->devices, ref);
    const std::string alias = device.info() != nullptr ? device.info()->alias.name : std::string();
    co_return co_await unplug(guest, run, alias, wait);
}

// As a description of a running guest's device is read: with the defaults that the device was made with.
Result<dom::Device> DeviceOps::wanted_device(const Domain& live, const std::string& xml) {
    PV_ASSIGN_OR_RETURN(dom::Device device, dom::parse_device(xml, false));
    fill_attached(device);
    PV_ASSIGN_OR_RETURN(dom::Device full, dom::with_defaults(live, device, [this](Domain& d) { return driver_.fill_defaults(d); }));
    // An interface is found by what was said of it alone.
    if (full.kind == dom::DeviceKind::interface) full.as<dom::Interface>().mac = device.as<dom::Interface>().mac;
    return full;
}

DeviceOps::Task DeviceOps::run_detach_alias(sdk::OperationPtr op, GuestPtr guest, std::string alias, std::uint32_t flags) {
    PV_CO_ASSIGN_OR_RETURN(const Affected affected, affected_by(*guest, flags));
    std::optional<Domain> config;
    if (affected.config) {
        PV_CO_ASSIGN_OR_RETURN(config, config_of(*guest));
        dom::order_as_read(*config);
        const auto ref = dom::find_alias(config->devices, alias);
        if (!ref) co_return no_alias(alias);
        dom::detach_device_at(*config, *ref);
        PV_CO_TRY(driver_.complete(*config));
    }
    if (!affected.live) co_return driver_.put_config(guest, *config, op->call());
    Task change = detach_alias_live(guest, std::move(alias));
    co_return co_await with_config(op, guest, std::move(config), std::move(change));
}

// The guest is asked, not waited for: an event tells when it has let go.
DeviceOps::Task DeviceOps::detach_alias_live(GuestPtr guest, std::string alias) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(guest->mu);
        live = guest->live;
    }
    const auto ref = live ? dom::find_alias(live->devices, alias) : std::nullopt;
    if (!ref) co_return no_alias(alias);
    co_return co_await detach_there(guest, run, live, *ref, false);
}

} // namespace polyvirt::qemu
