// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "ops/device_ops.h"

#include <utility>

#include "base/error_text.h"
#include "container/container.h"
#include "container/plan_net.h"
#include "container/plug.h"
#include "documents/settle.h"
#include "driver.h"
#include "sdk/domain/passes.h"

namespace polyvirt::lxc {
namespace {

namespace dom = sdk::domain;
using Json = Container::Json;
constexpr std::uint32_t kModify = PV_DOMAIN_DEVICE_MODIFY_LIVE | PV_DOMAIN_DEVICE_MODIFY_CONFIG;

Result<dom::Device> completed(Domain& d, const dom::Device& device) {
    dom::order_as_read(d);
    return dom::with_defaults(d, device, [](Domain& all) { return complete(all); });
}

// What a description calls for it. An interface is found by what was said of it alone.
Result<dom::Device> meant(Domain& d, const dom::Device& device) {
    PV_ASSIGN_OR_RETURN(dom::Device full, completed(d, device));
    if (full.kind == dom::DeviceKind::interface) full.as<dom::Interface>().mac = device.as<dom::Interface>().mac;
    return full;
}

Status change_list(Domain& d, const dom::Device& device, dom::DeviceVerb verb) {
    if (verb == dom::DeviceVerb::attach) {
        PV_ASSIGN_OR_RETURN(const dom::Device full, completed(d, device));
        PV_TRY(dom::check_attach(d, full, ErrorDomain::lxc));
        return dom::attach_device(d, device, ErrorDomain::lxc);
    }
    PV_ASSIGN_OR_RETURN(dom::Device full, meant(d, device));
    return verb == dom::DeviceVerb::detach ? dom::detach_device(d, full, ErrorDomain::lxc)
                                           : dom::update_device(d, std::move(full), ErrorDomain::lxc);
}

Json node(const std::string& path, const std::string& inner, const Container& container, bool add) {
    const bool controlled = container.group().version(sdk::cgroup::Controller::devices) != 0;
    return {{"do", "node"}, {"path", path}, {"inner", inner}, {"add", add}, {"controlled", controlled}};
}

Result<Json> mount(const dom::Filesystem& f, const Container& container, pv_call* call, bool add) {
    if (f.target.size() < 2 || f.target.front() != '/' || ("/" + f.target + "/").find("/../") != std::string::npos)
        return unsupported(fmt::format("'{}' is no place for a filesystem", f.target));
    const std::string target = f.target.substr(0, f.target.find_last_not_of('/') + 1);
    if (!add) return Json{{"do", "unmount"}, {"target", target}};
    if (f.type != "mount" && f.type != "bind" && f.type != "ram" && f.type != "block")
        return unsupported(fmt::format("a filesystem of type '{}' cannot come into a running container", f.type));
    Json request = {{"do", "mount"},     {"type", f.type}, {"source", f.type == "block" ? f.source.dev : f.source.dir},
                    {"target", target},  {"kind", ""},     {"size", ""},
                    {"readonly", f.readonly}};
    if (f.type == "ram") request["size"] = std::to_string(f.source.usage.value_or(0) * 1024); // complete(): KiB
    if (f.type == "block") {
        PV_ASSIGN_OR_RETURN(request["kind"], container.fs_of(f.source.dev, call));
    }
    return request;
}

// What the container's supervisor is asked for.
Result<Json> request_for(const dom::Device& device, const Container& container, pv_call* call, bool add) {
    if (device.kind == dom::DeviceKind::filesystem) return mount(device.as<dom::Filesystem>(), container, call, add);
    if (device.kind == dom::DeviceKind::disk) {
        const auto& disk = device.as<dom::Disk>();
        if (disk.type == dom::DiskType::block && disk.source) return node(disk.source->dev, "/dev/" + disk.target.dev, container, add);
    }
    if (device.kind == dom::DeviceKind::hostdev) {
        const auto& h = device.as<dom::Hostdev>();
        if (h.mode == "capabilities" && h.type == "storage") return node(h.source.block, h.source.block, container, add);
        if (h.mode == "capabilities" && h.type == "misc") return node(h.source.character, h.source.character, container, add);
    }
    return unsupported("a running container can be given interfaces, file systems, and block, character and network "
                       "devices of the host, and no other device");
}

bool is_host_interface(const dom::Device& device) {
    if (device.kind != dom::DeviceKind::hostdev) return false;
    const auto& h = device.as<dom::Hostdev>();
    return h.mode == "capabilities" && h.type == "net";
}

Status insert(Domain& d, const dom::Device& device) {
    dom::insert_device(d, device);
    dom::assign_aliases(d);
    return {};
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
    PV_CO_ASSIGN_OR_RETURN(dom::Device device, dom::parse_device(xml, true));
    if (affected.live && verb == Verb::update)
        co_return make_error(ErrorCode::config_unsupported, ErrorDomain::lxc, "Unable to modify live devices");
    if (verb == Verb::attach && device.kind == dom::DeviceKind::interface) { // one address, whatever is changed
        PV_CO_ASSIGN_OR_RETURN(const auto around, one_of(*guest, affected.live ? PV_DOMAIN_AFFECT_LIVE : PV_DOMAIN_AFFECT_CONFIG));
        Domain copy = *around;
        PV_CO_ASSIGN_OR_RETURN(const dom::Device full, completed(copy, device));
        device.as<dom::Interface>().mac = full.as<dom::Interface>().mac;
    }
    const auto edit = [&device, verb](Domain& d) { return change_list(d, device, verb); };
    if (affected.live && verb == Verb::attach) PV_CO_TRY(co_await give(op, guest, device));
    if (affected.live && verb == Verb::detach) PV_CO_TRY(co_await take(op, guest, device));
    if (affected.config) PV_CO_TRY(driver_.edit_config(guest, op->call(), edit));
    co_return Status();
}

DeviceOps::Task DeviceOps::give(sdk::OperationPtr op, GuestPtr guest, dom::Device device) const {
    PV_CO_ASSIGN_OR_RETURN(const Running now, running(*guest));
    Domain copy = *now.live; // what the description refuses is not done
    PV_CO_ASSIGN_OR_RETURN(dom::Device full, completed(copy, device));
    PV_CO_TRY(dom::check_attach(copy, full, ErrorDomain::lxc));
    if (full.kind == dom::DeviceKind::interface)
        co_return give_interface(op, guest, now, std::move(full));
    PV_CO_TRY(co_await hand_over(op, now, full, true));
    co_return driver_.edit_live(guest, [&full](Domain& d) { return insert(d, full); });
}

// Written down before it is made: it has a port, which somebody must give back.
Status DeviceOps::give_interface(const sdk::OperationPtr& op, const GuestPtr& guest, const Running& now,
                                 dom::Device device) const {
    auto& i = device.as<dom::Interface>();
    const std::int64_t init = now.container->init();
    PV_TRY(name_ends(*now.live, i, init));
    PV_TRY(driver_.edit_live(guest, [&device](Domain& d) { return insert(d, device); }));
    const auto rest = [&](bool keep) {
        return driver_.edit_live(guest, [&](Domain& d) -> Status {
            PV_ASSIGN_OR_RETURN(const dom::DeviceRef at, dom::find_device(d.devices, device, ErrorDomain::lxc));
            if (!keep) return dom::detach_device_at(d, at), Status();
            d.devices.interfaces[at.index].target.dev = i.target.dev;
            return {};
        });
    };
    const Status made = join(s_, op->call(), *now.live, i, init);
    Status shown = rest(static_cast<bool>(made));
    if (!made) return made;
    if (!shown) (void)leave(s_, guest->name, i, init); // it has ended meanwhile, or the disk is full
    return shown;
}

DeviceOps::Task DeviceOps::take(sdk::OperationPtr op, GuestPtr guest, dom::Device device) const {
    PV_CO_ASSIGN_OR_RETURN(const Running now, running(*guest));
    Domain copy = *now.live;
    PV_CO_ASSIGN_OR_RETURN(const dom::Device wanted, meant(copy, device));
    PV_CO_ASSIGN_OR_RETURN(const dom::DeviceRef at, dom::find_device(copy.devices, wanted, ErrorDomain::lxc));
    const dom::Device there = dom::device_at(copy.devices, at);
    if (there.kind == dom::DeviceKind::interface)
        PV_CO_TRY(leave(s_, guest->name, there.as<dom::Interface>(), now.container->init()));
    else
        PV_CO_TRY(co_await hand_over(op, now, there, false));
    co_return driver_.edit_live(guest, [&wanted](Domain& d) { return dom::detach_device(d, wanted, ErrorDomain::lxc); });
}

DeviceOps::Task DeviceOps::hand_over(sdk::OperationPtr op, Running now, dom::Device device, bool add) const {
    if (is_host_interface(device)) {
        const auto& h = device.as<dom::Hostdev>();
        if (!own_network(*now.live))
            co_return make_error(ErrorCode::operation_invalid, ErrorDomain::lxc, "the container has no network of its own");
        co_return add ? lend(h, now.container->init()) : take_back(h, now.container->init());
    }
    PV_CO_ASSIGN_OR_RETURN(Json request, request_for(device, *now.container, op->call(), add));
    PV_CO_TRY(co_await now.container->ask(std::move(request)));
    co_return co_await sdk::on_worker(s_, 0);
}

} // namespace polyvirt::lxc
