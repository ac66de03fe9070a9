// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.device: devices that come, go and change. One row per kind: the list that it stands in, and what makes two
// descriptions the same device.

#include <algorithm>
#include <utility>

#include "domains.h"
#include "op.h"
#include "sdk/xml/compare.h"
#include "sdk/xml/parse.h"
#include "sdk/xml/reader.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

using namespace sdk;
using namespace sdk::domain;

constexpr std::uint32_t kModify = PV_DOMAIN_DEVICE_MODIFY_LIVE | PV_DOMAIN_DEVICE_MODIFY_CONFIG | PV_DOMAIN_DEVICE_MODIFY_FORCE;
constexpr std::uint32_t kAffect = PV_DOMAIN_DEVICE_MODIFY_LIVE | PV_DOMAIN_DEVICE_MODIFY_CONFIG;

enum class What { attach, detach, update };

// By what its owner knows a device: the target of a disk, the MAC of an interface; of other kinds, all that is said.
std::string identity(const Disk& d) { return d.target.dev; }
std::string identity(const Interface& i) { return i.mac.address ? i.mac.address->to_string() : i.target.dev; }
std::string identity(const Controller& c) { return fmt::format("{}.{}", static_cast<int>(c.type), c.index.value_or(0)); }
std::string identity(const Graphics& g) { return fmt::format("{}", static_cast<int>(g.type)); }
template <typename T> std::string identity(const T& device) {
    T bare = device;
    bare.info = {};
    return xml::format("device", bare);
}

struct Outcome {
    std::string alias; // empty: the device has none
};

template <typename T> Result<Outcome> apply(std::vector<T>& list, const T& device, What what, std::string_view element) {
    const std::string wanted = identity(device);
    const auto found = std::find_if(list.begin(), list.end(), [&](const T& d) {
        return identity(d) == wanted || (!device.info.alias.name.empty() && d.info.alias.name == device.info.alias.name);
    });
    if (what == What::attach) {
        if (found != list.end() && (std::is_same_v<T, Disk> || std::is_same_v<T, Interface> || std::is_same_v<T, Controller>))
            return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "{} '{}' already exists", element, wanted);
        list.push_back(device);
        return Outcome{device.info.alias.name};
    }
    if (found == list.end())
        return make_error(ErrorCode::device_missing, ErrorDomain::test, "no {} '{}' is attached", element, wanted);
    const std::string alias = found->info.alias.name;
    if (what == What::detach) list.erase(found);
    else {
        const auto info = found->info; // where it sits does not change
        *found = device;
        if (!found->info.address) found->info.address = info.address;
        found->info.alias = info.alias;
    }
    return Outcome{alias};
}

template <typename T>
Result<Outcome> apply_node(std::vector<T>& list, const xml::Node& node, What what) {
    xml::Messages ignored;
    PV_ASSIGN_OR_RETURN(const T device, xml::parse<T>(node, ignored));
    return apply(list, device, what, node.name);
}

using Apply = Result<Outcome> (*)(Devices&, const xml::Node&, What);
struct KindRow {
    std::string_view element;
    Apply apply;
};
#define PV_KIND_ROW(element, list) \
    {element, [](Devices& d, const xml::Node& n, What w) { return apply_node(d.list, n, w); }}
constexpr KindRow kKinds[] = {
    PV_KIND_ROW("disk", disks),           PV_KIND_ROW("interface", interfaces),   PV_KIND_ROW("controller", controllers),
    PV_KIND_ROW("filesystem", filesystems), PV_KIND_ROW("serial", serials),       PV_KIND_ROW("parallel", parallels),
    PV_KIND_ROW("console", consoles),     PV_KIND_ROW("channel", channels),       PV_KIND_ROW("input", inputs),
    PV_KIND_ROW("graphics", graphics),    PV_KIND_ROW("sound", sounds),           PV_KIND_ROW("video", videos),
    PV_KIND_ROW("hostdev", hostdevs),     PV_KIND_ROW("redirdev", redirdevs),     PV_KIND_ROW("hub", hubs),
    PV_KIND_ROW("watchdog", watchdogs),   PV_KIND_ROW("rng", rngs),               PV_KIND_ROW("panic", panics),
};
#undef PV_KIND_ROW

Result<Outcome> change(Domain& domain, const xml::Node& node, What what) {
    for (const KindRow& row : kKinds) {
        if (row.element != node.name) continue;
        PV_ASSIGN_OR_RETURN(Outcome outcome, row.apply(domain.devices, node, what));
        PV_TRY(complete_domain(domain));
        return outcome;
    }
    return make_error(ErrorCode::operation_unsupported, ErrorDomain::test, "devices of kind <{}> cannot come or go", node.name);
}

// The element of the device that has the alias, whatever its kind.
template <typename T> bool erase_alias(std::vector<T>& list, const std::string& alias) {
    return std::erase_if(list, [&](const T& d) { return d.info.alias.name == alias; }) > 0;
}
bool detach_alias(Devices& d, const std::string& alias) {
    return erase_alias(d.disks, alias) || erase_alias(d.interfaces, alias) || erase_alias(d.controllers, alias) ||
           erase_alias(d.filesystems, alias) || erase_alias(d.serials, alias) || erase_alias(d.parallels, alias) ||
           erase_alias(d.consoles, alias) || erase_alias(d.channels, alias) || erase_alias(d.inputs, alias) ||
           erase_alias(d.graphics, alias) || erase_alias(d.sounds, alias) || erase_alias(d.videos, alias) ||
           erase_alias(d.hostdevs, alias) || erase_alias(d.redirdevs, alias) || erase_alias(d.hubs, alias) ||
           erase_alias(d.watchdogs, alias) || erase_alias(d.rngs, alias) || erase_alias(d.panics, alias);
}

class Device : public Ops {
  public:
    using Ops::Ops;

    pv_status attach_device(pv_call* call, const pv_obj* obj, const pv_dom_attach_device_in& in, pv_dom_attach_device_out&) {
        return modify(call, obj, in.xml, in.flags, What::attach, "testDomainAttachDeviceFlags");
    }
    pv_status detach_device(pv_call* call, const pv_obj* obj, const pv_dom_detach_device_in& in, pv_dom_detach_device_out&) {
        return modify(call, obj, in.xml, in.flags, What::detach, "testDomainDetachDeviceFlags");
    }
    pv_status update_device(pv_call* call, const pv_obj* obj, const pv_dom_update_device_in& in, pv_dom_update_device_out&) {
        return modify(call, obj, in.xml, in.flags, What::update, "testDomainUpdateDeviceFlags");
    }
    pv_status detach_device_alias(pv_call* call, const pv_obj* obj, const pv_dom_detach_device_alias_in& in, pv_dom_detach_device_alias_out&) {
        if (const Status flags = check_flags(in.flags, kAffect, "testDomainDetachDeviceAlias"); !flags) return answer(call, flags);
        return driver_.domains().change(
            call, obj, "detach device",
            [&domains = driver_.domains(), alias = std::string(in.alias), flags = in.flags](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
                PV_TRY(domains.edit(guest, flags, [&](Domain& d) -> Status {
                    if (detach_alias(d.devices, alias)) return {};
                    return make_error(ErrorCode::device_missing, ErrorDomain::test, "no device found with alias '{}'", alias);
                }));
                if (is_live(guest, flags)) post(domains, guest, What::detach, alias);
                return {};
            });
    }

  private:
    static bool is_live(const Guest& guest, std::uint32_t flags) PV_REQUIRES(guest.mu) {
        return guest.active() && (flags & kAffect) != PV_DOMAIN_DEVICE_MODIFY_CONFIG;
    }

    pv_status modify(pv_call* call, const pv_obj* obj, const char* text, std::uint32_t flags, What what, const char* function) {
        if (const Status known = check_flags(flags, kModify, function); !known) return answer(call, known);
        auto node = xml::read(text, "device description");
        if (!node) return fail(call, node.error());
        return driver_.domains().change(
            call, obj, "change devices",
            [&domains = driver_.domains(), node = *std::move(node), flags, what](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
                Outcome outcome;
                PV_TRY(domains.edit(guest, flags & kAffect, [&](Domain& d) -> Status {
                    PV_ASSIGN_OR_RETURN(outcome, test::change(d, node, what));
                    return {};
                }));
                // Without an alias the device is told by its kind: an event needs a name.
                if (is_live(guest, flags)) post(domains, guest, what, outcome.alias.empty() ? node.name : outcome.alias);
                return {};
            });
    }

    static void post(Domains& domains, const Guest& guest, What what, const std::string& alias) PV_REQUIRES(guest.mu) {
        if (what == What::update) return;
        if (what == What::attach) {
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
        t.attach_device = op<"domain.attach_device", &Device::attach_device>;
        t.detach_device = op<"domain.detach_device", &Device::detach_device>;
        t.detach_device_alias = op<"domain.detach_device_alias", &Device::detach_device_alias>;
        t.update_device = op<"domain.update_device", &Device::update_device>;
    });
    return &table;
}

} // namespace polyvirt::test
