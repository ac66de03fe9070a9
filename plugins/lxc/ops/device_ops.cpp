// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "ops/device_ops.h"

#include <optional>
#include <utility>

#include "base/error_text.h"
#include "container/container.h"
#include "documents/settle.h"
#include "driver.h"

namespace polyvirt::lxc {
namespace {

namespace dom = sdk::domain;
constexpr std::uint32_t kModify = PV_DOMAIN_DEVICE_MODIFY_LIVE | PV_DOMAIN_DEVICE_MODIFY_CONFIG;

Status change_list(Domain& d, const std::string& xml, dom::DeviceVerb verb) {
    PV_ASSIGN_OR_RETURN(dom::Device device, dom::parse_device(xml, true));
    dom::order_as_read(d);
    PV_ASSIGN_OR_RETURN(dom::Device full, dom::with_defaults(d, device, [](Domain& all) { return complete(all); }));
    // An interface is found by what was said of it alone.
    if (full.kind == dom::DeviceKind::interface && verb != dom::DeviceVerb::attach)
        full.as<dom::Interface>().mac = device.as<dom::Interface>().mac;
    if (verb == dom::DeviceVerb::detach) return dom::detach_device(d, full, ErrorDomain::lxc);
    if (verb == dom::DeviceVerb::update) return dom::update_device(d, std::move(full), ErrorDomain::lxc);
    PV_TRY(dom::check_attach(d, full, ErrorDomain::lxc));
    return dom::attach_device(d, std::move(device), ErrorDomain::lxc);
}

// A node of the host's that can be given to a running container: where it is on the host, and inside.
struct Node {
    std::string path, inner;
};
Result<Node> node_of(const dom::Device& device) {
    if (device.kind == dom::DeviceKind::disk) {
        const auto& disk = device.as<dom::Disk>();
        if (disk.type == dom::DiskType::block && disk.source) return Node{disk.source->dev, "/dev/" + disk.target.dev};
    }
    if (device.kind == dom::DeviceKind::hostdev) {
        const auto& h = device.as<dom::Hostdev>();
        if (h.mode == "capabilities" && h.type == "storage") return Node{h.source.block, h.source.block};
        if (h.mode == "capabilities" && h.type == "misc") return Node{h.source.character, h.source.character};
    }
    return make_error(ErrorCode::config_unsupported, ErrorDomain::lxc,
                      "a running container can be given block and character devices of the host, and no other device");
}

} // namespace

pv_status DeviceOps::attach_device(pv_call* call, const pv_obj* obj, const pv_dom_attach_device_in& in,
                                   pv_dom_attach_device_out&) {
    return modify(call, obj, in.xml, in.flags, Verb::attach, "lxcDomainAttachDeviceFlags");
}
pv_status DeviceOps::detach_device(pv_call* call, const pv_obj* obj, const pv_dom_detach_device_in& in,
                                   pv_dom_detach_device_out&) {
    return modify(call, obj, in.xml, in.flags, Verb::detach, "lxcDomainDetachDeviceFlags");
}
pv_status DeviceOps::update_device(pv_call* call, const pv_obj* obj, const pv_dom_update_device_in& in,
                                   pv_dom_update_device_out&) {
    return modify(call, obj, in.xml, in.flags, Verb::update, "lxcDomainUpdateDeviceFlags");
}

pv_status DeviceOps::modify(pv_call* call, const pv_obj* obj, const char* xml, std::uint32_t flags, Verb verb,
                            const char* function) const {
    if (const Status known = check_flags(flags, kModify, function); !known) return answer(call, known);
    return change(call, obj, "change devices",
                  [this, xml = std::string(xml), flags, verb](const sdk::OperationPtr& op, const GuestPtr& guest) {
                      return run(op, guest, xml, flags, verb);
                  });
}

DeviceOps::Task DeviceOps::run(sdk::OperationPtr op, GuestPtr guest, std::string xml, std::uint32_t flags,
                               Verb verb) const {
    PV_CO_ASSIGN_OR_RETURN(const Affected affected, affected_by(*guest, flags));
    const auto edit = [&xml, verb](Domain& d) { return change_list(d, xml, verb); };
    if (affected.live) {
        PV_CO_ASSIGN_OR_RETURN(const dom::Device device, dom::parse_device(xml, true));
        if (verb == Verb::update)
            co_return make_error(ErrorCode::config_unsupported, ErrorDomain::lxc, "Unable to modify live devices");
        PV_CO_ASSIGN_OR_RETURN(const Node node, node_of(device));
        PV_CO_ASSIGN_OR_RETURN(const Running now, running(*guest));
        Domain copy = *now.live; // what the description refuses is not done
        PV_CO_TRY(edit(copy));
        Container::Json request = {
            {"do", "node"}, {"path", node.path}, {"inner", node.inner}, {"add", verb == Verb::attach}};
        PV_CO_TRY(co_await now.container->ask(std::move(request)));
        PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
        PV_CO_TRY(driver_.edit_live(guest, edit));
    }
    if (affected.config) PV_CO_TRY(driver_.edit_config(guest, op->call(), edit));
    co_return Status();
}

} // namespace polyvirt::lxc
