// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.device: devices that come, go and change, by the rules of sdk/domain/device.h.

#include <utility>

#include "domains.h"
#include "op.h"
#include "sdk/domain/device.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

using namespace sdk;
using namespace sdk::domain;

constexpr std::uint32_t kModify = PV_DOMAIN_DEVICE_MODIFY_LIVE | PV_DOMAIN_DEVICE_MODIFY_CONFIG | PV_DOMAIN_DEVICE_MODIFY_FORCE;
constexpr std::uint32_t kDeviceAffect = PV_DOMAIN_DEVICE_MODIFY_LIVE | PV_DOMAIN_DEVICE_MODIFY_CONFIG;

struct Outcome {
    std::string alias; // empty: the device has none
};

std::string alias_of(Domain& domain, DeviceRef ref) {
    const DeviceInfo* info = info_at(domain.devices, ref);
    return info != nullptr ? info->alias.name : std::string();
}

Result<Outcome> change(Domain& domain, const Device& device, DeviceVerb what) {
    PV_ASSIGN_OR_RETURN(Device full, with_defaults(domain, device, [](Domain& d) { return complete_domain(d); }));
    // An interface is found by what was said of it alone.
    if (full.kind == DeviceKind::interface && what != DeviceVerb::attach) full.as<Interface>().mac = device.as<Interface>().mac;
    Outcome outcome;
    if (what == DeviceVerb::attach) {
        outcome.alias = device.info() != nullptr ? device.info()->alias.name : std::string();
        PV_TRY(check_attach(domain, full, ErrorDomain::test));
        PV_TRY(attach_device(domain, device, ErrorDomain::test));
    } else {
        PV_ASSIGN_OR_RETURN(const DeviceRef ref, find_device(domain.devices, full, ErrorDomain::test, what));
        outcome.alias = alias_of(domain, ref);
        if (what == DeviceVerb::detach) PV_TRY(detach_device(domain, full, ErrorDomain::test));
        else PV_TRY(update_device(domain, std::move(full), ErrorDomain::test));
    }
    PV_TRY(complete_domain(domain));
    return outcome;
}

class DeviceOps : public Ops {
  public:
    using Ops::Ops;

    pv_status attach_device(pv_call* call, const pv_obj* obj, const pv_dom_attach_device_in& in, pv_dom_attach_device_out&) {
        return modify(call, obj, in.xml, in.flags, DeviceVerb::attach, "testDomainAttachDeviceFlags");
    }
    pv_status detach_device(pv_call* call, const pv_obj* obj, const pv_dom_detach_device_in& in, pv_dom_detach_device_out&) {
        return modify(call, obj, in.xml, in.flags, DeviceVerb::detach, "testDomainDetachDeviceFlags");
    }
    pv_status update_device(pv_call* call, const pv_obj* obj, const pv_dom_update_device_in& in, pv_dom_update_device_out&) {
        return modify(call, obj, in.xml, in.flags, DeviceVerb::update, "testDomainUpdateDeviceFlags");
    }
    pv_status detach_device_alias(pv_call* call, const pv_obj* obj, const pv_dom_detach_device_alias_in& in, pv_dom_detach_device_alias_out&) {
        if (const Status flags = check_flags(in.flags, kDeviceAffect, "testDomainDetachDeviceAlias"); !flags) return answer(call, flags);
        return driver_.domains().change(
            call, obj, "detach device",
            [&domains = driver_.domains(), alias = std::string(in.alias), flags = in.flags](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
                PV_TRY(domains.edit(guest, flags, [&](Domain& d) -> Status {
                    const auto ref = find_alias(d.devices, alias);
                    if (!ref) return make_error(ErrorCode::device_missing, ErrorDomain::test, "no device found with alias '{}'", alias);
                    detach_device_at(d, *ref);
                    return {};
                }));
                if (is_live(guest, flags)) post(domains, guest, DeviceVerb::detach, alias);
                return {};
            });
    }

  private:
    static bool is_live(const Guest& guest, std::uint32_t flags) PV_REQUIRES(guest.mu) {
        return guest.active() && (flags & kDeviceAffect) != PV_DOMAIN_DEVICE_MODIFY_CONFIG;
    }

    pv_status modify(pv_call* call, const pv_obj* obj, const char* text, std::uint32_t flags, DeviceVerb what, const char* function) {
        if (const Status known = check_flags(flags, kModify, function); !known) return answer(call, known);
        auto device = parse_device(text, false);
        if (!device) return fail(call, device.error());
        return driver_.domains().change(
            call, obj, "change devices",
            [&domains = driver_.domains(), device = *std::move(device), flags, what](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
                Outcome outcome;
                PV_TRY(domains.edit(guest, flags & kDeviceAffect, [&](Domain& d) -> Status {
                    PV_ASSIGN_OR_RETURN(outcome, test::change(d, device, what));
                    return {};
                }));
                // Without an alias the device is told by its kind: an event needs a name.
                if (is_live(guest, flags)) post(domains, guest, what, outcome.alias.empty() ? std::string(element_of(device.kind)) : outcome.alias);
                return {};
            });
    }

    static void post(Domains& domains, const Guest& guest, DeviceVerb what, const std::string& alias) PV_REQUIRES(guest.mu) {
        if (what == DeviceVerb::update) return;
        if (what == DeviceVerb::attach) {
            pv_event_domain_device_added payload{};
            payload.size = sizeof payload;
            payload.dev_alias = alias.c_str();
            return domains.post(guest, PV_EVENT_DOMAIN_DEVICE_ADDED, &payload);
        }
        pv_event_domain_device_removed payload{};
        payload.size = sizeof payload;
        payload.dev_alias = alias.c_str();
        domains.post(guest, PV_EVENT_DOMAIN_DEVICE_REMOVED, &payload);
    }
};

} // namespace

const void* dom_device_table() {
    static const auto table = make_table<pv_dom_device>([](auto& t) {
        t.attach_device = op<"domain.attach_device", &DeviceOps::attach_device>;
        t.detach_device = op<"domain.detach_device", &DeviceOps::detach_device>;
        t.detach_device_alias = op<"domain.detach_device_alias", &DeviceOps::detach_device_alias>;
        t.update_device = op<"domain.update_device", &DeviceOps::update_device>;
    });
    return &table;
}

} // namespace polyvirt::test
