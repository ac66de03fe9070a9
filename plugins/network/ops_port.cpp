// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.net.port: ports of networks. A driver of guests makes one for each interface on a network, and finds in its
// document where to put the interface's cable.

#include <algorithm>
#include <utility>

#include "allocate.h"
#include "base/error_text.h"
#include "driver.h"
#include "sdk/network/publish_port.h"
#include "sdk/tune_params.h"
#include "sdk/xml/messages.h"

namespace polyvirt::network {
namespace {

NetPortPtr port_of(const pv_obj* obj) { return *static_cast<NetPortPtr*>(obj->data); }

Error no_port(const Uuid& uuid) {
    return make_error(ErrorCode::no_network_port, ErrorDomain::network, "Network port with UUID {} does not exist",
                      uuid.to_string());
}

} // namespace

pv_status Driver::create_xml(pv_call* call, const pv_obj* obj, const pv_port_create_xml_in& in,
                             pv_port_create_xml_out& out) {
    constexpr std::uint32_t kFlags = PV_NETWORK_PORT_CREATE_RECLAIM | PV_NETWORK_PORT_CREATE_VALIDATE;
    if (const Status flags = check_flags(in.flags, kFlags, "networkPortCreateXML"); !flags) return answer(call, flags);
    auto parsed = doc::parse_port(in.xml);
    if (!parsed) return answer(call, parsed.error());
    if ((in.flags & PV_NETWORK_PORT_CREATE_VALIDATE) != 0)
        if (const Status valid = sdk::xml::refuse_unknown(parsed->messages); !valid) return answer(call, valid);
    const auto document = std::make_shared<const doc::Port>(std::move(parsed->value));
    return with_job(call, net_of(obj), "create a port",
                    [this, document, reclaim = (in.flags & PV_NETWORK_PORT_CREATE_RECLAIM) != 0, handle = &out.obj](
                        const sdk::OperationPtr& op, const NetPtr& net) { return finish_port(op, net, document, reclaim, handle); });
}

Driver::Task Driver::finish_port(sdk::OperationPtr op, NetPtr net, std::shared_ptr<const doc::Port> document,
                                 bool reclaim, std::uint64_t* handle) {
    Document live;
    bool there = false;
    Uses uses;
    Functions functions;
    {
        const ObjectLock lock(net->mu);
        live = net->live;
        there = net->ports.contains(*document->uuid);
        uses = net->uses();
        functions = net->functions;
    }
    if (!live)
        co_return make_error(ErrorCode::operation_invalid, ErrorDomain::network, "network '{}' is not active",
                             net->name);
    if (there)
        co_return make_error(ErrorCode::network_port_exist, ErrorDomain::network,
                             "Network port with UUID {} already exists", document->uuid->to_string());
    doc::Port port = *document;
    const doc::Network whole = with_functions(*live, functions);
    PV_CO_TRY(allocate(port, whole, uses, reclaim));
    PV_CO_TRY(publish_port(op->call(), net, std::move(port), *handle));
    const Status saved = save_status(net, op->call());
    if (!saved) retire_port(*net, *document->uuid);
    co_return saved;
}

Status Driver::publish_port(pv_call* call, const NetPtr& net, doc::Port document, std::uint64_t& handle) const {
    auto port = std::make_shared<NetPort>();
    port->network = net;
    port->uuid = *document.uuid;
    port->document = std::move(document);
    const ObjectLock lock(net->mu);
    net->ports.emplace(port->uuid, port); // before somebody can come in by it
    const Status published = sdk::network::publish_port(s_, call, net->handle, net->name, port, ErrorDomain::network);
    if (!published) {
        net->ports.erase(port->uuid);
        return published;
    }
    handle = port->handle;
    return {};
}

void Driver::retire_port(Net& net, const Uuid& uuid) const {
    const ObjectLock lock(net.mu);
    const auto found = net.ports.find(uuid);
    if (found == net.ports.end()) return;
    s_.registry->retire(s_.host, found->second->handle);
    net.ports.erase(found);
}

pv_status Driver::with_port(pv_call* call, const pv_obj* obj, const char* what, PortChange change) {
    const NetPortPtr port = port_of(obj);
    const NetPtr net = port->network.lock();
    if (!net) return answer(call, no_port(port->uuid));
    return with_job(call, net, what,
                    [this, uuid = port->uuid, change = std::move(change)](
                        const sdk::OperationPtr& op, const NetPtr& n) { return change_port(op, n, uuid, change); });
}

Driver::Task Driver::change_port(sdk::OperationPtr op, NetPtr net, Uuid uuid, PortChange change) {
    {
        const ObjectLock lock(net->mu);
        const auto found = net->ports.find(uuid);
        if (found == net->ports.end()) co_return no_port(uuid);
        PV_CO_TRY(change(*net, *found->second));
    }
    co_return save_status(net, op->call());
}

pv_status Driver::remove(pv_call* call, const pv_obj* obj, const pv_port_remove_in& in, pv_port_remove_out&) {
    if (const Status flags = check_flags(in.flags, 0, "networkPortDelete"); !flags) return answer(call, flags);
    return with_port(call, obj, "remove a port", [this](Net& net, NetPort& port) PV_REQUIRES(net.mu) -> Status {
        s_.registry->retire(s_.host, port.handle);
        const Uuid uuid = port.uuid;
        net.ports.erase(uuid);
        return {};
    });
}

pv_status Driver::set_params(pv_call* call, const pv_obj* obj, const pv_port_set_params_in& in,
                             pv_port_set_params_out&) {
    if (const Status flags = check_flags(in.flags, 0, "networkPortSetParameters"); !flags) return answer(call, flags);
    return with_port(call, obj, "set a port's bandwidth", [in](Net&, NetPort& port) -> Status {
        return sdk::take_port_bandwidth(sdk::ParamSpan(in.params, in.nparams), port.document);
    });
}

Result<doc::Port> Driver::port_document(const pv_obj* obj) {
    const NetPortPtr port = port_of(obj);
    const NetPtr net = port->network.lock();
    if (!net) return no_port(port->uuid);
    const ObjectLock lock(net->mu);
    if (!net->ports.contains(port->uuid)) return no_port(port->uuid);
    return port->document;
}

pv_status Driver::xml_desc(pv_call* call, const pv_obj* obj, const pv_port_xml_desc_in& in, pv_port_xml_desc_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "networkPortGetXMLDesc"); !flags) return answer(call, flags);
    const auto document = port_document(obj);
    return document ? give(call, out.xml, doc::format_port(*document)) : answer(call, document.error());
}

pv_status Driver::params(pv_call* call, const pv_obj* obj, const pv_port_params_in& in, pv_port_params_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "networkPortGetParameters"); !flags) return answer(call, flags);
    const auto document = port_document(obj);
    if (!document) return answer(call, document.error());
    sdk::put_port_bandwidth(s_, out.params, *document);
    return PV_OK;
}

} // namespace polyvirt::network
