// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.net.port: ports of networks. A driver of guests makes one for each interface on a network, and finds in its
// document where to put the interface's cable.

#include <algorithm>
#include <utility>

#include <polyvirt/abi/gen/params.h>

#include "allocate.h"
#include "base/error_text.h"
#include "driver.h"
#include "sdk/params.h"
#include "sdk/xml/messages.h"

namespace polyvirt::network {
namespace {

// The parameters of a port and where they stand in its document.
struct BandwidthField {
    const char* name;
    std::optional<doc::BandwidthRate> doc::Bandwidth::*direction;
    doc::Wide doc::BandwidthRate::*rate;
};
constexpr BandwidthField kFields[] = {
    {PV_NETWORK_PORT_BANDWIDTH_IN_AVERAGE, &doc::Bandwidth::inbound, &doc::BandwidthRate::average},
    {PV_NETWORK_PORT_BANDWIDTH_IN_PEAK, &doc::Bandwidth::inbound, &doc::BandwidthRate::peak},
    {PV_NETWORK_PORT_BANDWIDTH_IN_FLOOR, &doc::Bandwidth::inbound, &doc::BandwidthRate::floor},
    {PV_NETWORK_PORT_BANDWIDTH_IN_BURST, &doc::Bandwidth::inbound, &doc::BandwidthRate::burst},
    {PV_NETWORK_PORT_BANDWIDTH_OUT_AVERAGE, &doc::Bandwidth::outbound, &doc::BandwidthRate::average},
    {PV_NETWORK_PORT_BANDWIDTH_OUT_PEAK, &doc::Bandwidth::outbound, &doc::BandwidthRate::peak},
    {PV_NETWORK_PORT_BANDWIDTH_OUT_BURST, &doc::Bandwidth::outbound, &doc::BandwidthRate::burst},
};

NetPortPtr port_of(const pv_obj* obj) { return *static_cast<NetPortPtr*>(obj->data); }

Error no_port(const Uuid& uuid) {
    return make_error(ErrorCode::no_network_port, ErrorDomain::network, "Network port with UUID {} does not exist",
                      uuid.to_string());
}

Status set_one(doc::Bandwidth& bandwidth, const pv_param& param) {
    const auto* field = std::find_if(std::begin(kFields), std::end(kFields),
                                     [&](const BandwidthField& f) { return std::string_view(f.name) == param.field; });
    if (field == std::end(kFields)) return sdk::unknown_param(param.field);
    if (param.type != PV_PARAM_UINT) return sdk::wrong_param_type(param, PV_PARAM_UINT);
    auto& direction = bandwidth.*field->direction;
    if (!direction) direction.emplace();
    doc::Wide& rate = *direction.*field->rate;
    rate = param.v.ui;
    if (param.v.ui == 0) rate.reset();
    return {};
}

Result<std::optional<doc::Bandwidth>> with_params(std::optional<doc::Bandwidth> bandwidth, const pv_param* params,
                                                  std::uint32_t count) {
    doc::Bandwidth changed = bandwidth.value_or(doc::Bandwidth{});
    for (std::uint32_t i = 0; i < count; i++) PV_TRY(set_one(changed, params[i]));
    for (auto* rate : {&changed.inbound, &changed.outbound})
        if (*rate && (*rate)->average.value_or(0) == 0 && (*rate)->floor.value_or(0) == 0) rate->reset();
    if (!changed.inbound && !changed.outbound) return std::optional<doc::Bandwidth>();
    return std::optional<doc::Bandwidth>(changed);
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
                    [this, document, handle = &out.obj](const sdk::OperationPtr& op, const NetPtr& net) {
                        return finish_port(op, net, document, handle);
                    });
}

Driver::Task Driver::finish_port(sdk::OperationPtr op, NetPtr net, std::shared_ptr<const doc::Port> document,
                                 std::uint64_t* handle) {
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
    PV_CO_TRY(allocate(port, whole, uses));
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
    auto data = std::make_unique<NetPortPtr>(port);
    const std::string name = port->uuid.to_string(); // ports have none of their own
    const ObjectLock lock(net->mu);
    pv_obj_desc desc{};
    desc.size = sizeof desc;
    desc.kind = PV_KIND_NETWORK_PORT;
    desc.name = name.c_str();
    std::copy(port->uuid.bytes.begin(), port->uuid.bytes.end(), desc.uuid);
    desc.dom_id = -1;
    desc.parent = net->handle;
    desc.data = data.get();
    desc.release = [](void* d) noexcept { delete static_cast<NetPortPtr*>(d); };
    net->ports.emplace(port->uuid, port); // before somebody can come in by it
    if (s_.registry->publish(s_.host, call, &desc, &port->handle) != PV_OK) {
        net->ports.erase(port->uuid);
        return make_error(ErrorCode::operation_failed, ErrorDomain::network,
                          "port {} of network '{}' cannot be published", name, net->name);
    }
    (void)data.release();
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
        PV_ASSIGN_OR_RETURN(port.document.bandwidth, with_params(port.document.bandwidth, in.params, in.nparams));
        return {};
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
    const doc::Bandwidth bandwidth = document->bandwidth.value_or(doc::Bandwidth{});
    const sdk::ParamWriter writer(s_, out.params);
    for (const BandwidthField& field : kFields) {
        const auto& direction = bandwidth.*field.direction;
        if (direction) writer.put(field.name, static_cast<std::uint32_t>((*direction.*field.rate).value_or(0)));
    }
    return PV_OK;
}

} // namespace polyvirt::network
