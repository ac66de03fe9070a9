// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Networks that come and go: what is defined for good, and what is created for as long as it is active.

#include <random>
#include <utility>

#include "base/error_text.h"
#include "driver.h"
#include "functions.h"
#include "sdk/netlink/netlink.h"
#include "sdk/xml/messages.h"
#include "up/server.h"

namespace polyvirt::network {
namespace {

// As emulators' cards have them: a prefix that nobody makes hardware with.
sdk::xml::Mac random_mac() {
    std::random_device source;
    sdk::xml::Mac mac{{0x52, 0x54, 0x00, 0, 0, 0}};
    for (std::size_t i = 3; i < mac.bytes.size(); ++i) mac.bytes[i] = static_cast<std::uint8_t>(source());
    return mac;
}

// Links that there are already. That nobody can say is no reason to refuse a description.
std::vector<std::string> taken_names() {
    std::vector<std::string> names;
    auto net = sdk::Netlink::open();
    if (!net) return names;
    const auto links = net->links();
    if (links)
        for (const auto& link : *links) names.push_back(link.name);
    return names;
}

} // namespace

Result<doc::Network> Driver::parse(std::string_view xml, bool validate) const {
    PV_ASSIGN_OR_RETURN(doc::ParsedNetwork parsed, doc::parse_network(xml));
    if (validate) PV_TRY(sdk::xml::refuse_unknown(parsed.messages));
    for (const auto& m : parsed.messages.list) log::info("xml", "network '{}': {}", parsed.value.name, m.text);
    return std::move(parsed.value);
}

pv_status Driver::define_xml(pv_call* call, const pv_obj*, const pv_net_define_xml_in& in, pv_net_define_xml_out& out) {
    if (const Status flags = check_flags(in.flags, PV_NETWORK_DEFINE_VALIDATE, "networkDefineXMLFlags"); !flags)
        return answer(call, flags);
    auto parsed = parse(in.xml, (in.flags & PV_NETWORK_DEFINE_VALIDATE) != 0);
    if (!parsed) return answer(call, parsed.error());
    return put(call, {std::make_shared<const doc::Network>(*std::move(parsed)), true, &out.obj});
}

pv_status Driver::create_xml(pv_call* call, const pv_obj*, const pv_net_create_xml_in& in, pv_net_create_xml_out& out) {
    if (const Status flags = check_flags(in.flags, PV_NETWORK_CREATE_VALIDATE, "networkCreateXMLFlags"); !flags)
        return answer(call, flags);
    auto parsed = parse(in.xml, (in.flags & PV_NETWORK_CREATE_VALIDATE) != 0);
    if (!parsed) return answer(call, parsed.error());
    return put(call, {std::make_shared<const doc::Network>(*std::move(parsed)), false, &out.obj});
}

pv_status Driver::put(pv_call* call, const Definition& definition) {
    auto net = std::make_shared<Net>(*definition.document->uuid, definition.document->name);
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.attrs = definition.persistent ? PV_ATTR_PERSISTENT : 0;
    {
        const ObjectLock lock(net->mu);
        if (definition.persistent)
            net->config = definition.document; // visible from the next line on, so it can be shown
    }
    auto added = nets_.add(net, call, desc);
    if (!added) return answer(call, added.error());
    net = added->object;
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(net->mu);
        handle = net->handle;
    }
    const char* const what = definition.persistent ? "define" : "create";
    return sdk::Operation::start(s_, loop_, {.call = call, .object = handle, .what = what},
                                 [this, net, definition, fresh = added->fresh](const sdk::OperationPtr& op) {
                                     bool removed = false;
                                     {
                                         const ObjectLock lock(net->mu);
                                         removed = net->removed;
                                     }
                                     if (!removed)
                                         return sdk::start(finish_define(op, net, definition, fresh),
                                                           [op](const Status& outcome) { op->finish(outcome); });
                                     // While this waited for its turn; so it is made anew.
                                     pv_call* const waiting = op->give_up();
                                     const pv_status status = put(waiting, definition);
                                     if (status != PV_PENDING) s_.call->complete(waiting, status);
                                 });
}

// The bridge's name and address are the network's from its definition on.
Status Driver::complete(doc::Network& network) {
    PV_TRY(check_functions(network));
    if (!network.owns_bridge()) return {};
    if (!network.bridge) network.bridge.emplace();
    const std::string wanted = network.bridge->name;
    if (wanted.size() > sdk::kLongestLinkName && wanted.find("%d") == std::string::npos)
        return make_error(ErrorCode::xml_error, ErrorDomain::network, "bridge name '{}' has more than {} characters",
                          wanted, sdk::kLongestLinkName);
    const bool open = wanted.empty() || wanted.find("%d") != std::string::npos;
    PV_ASSIGN_OR_RETURN(network.bridge->name,
                        bridges_.claim(*network.uuid, wanted, open ? taken_names() : std::vector<std::string>()));
    if (!network.mac) network.mac = random_mac();
    return {};
}

void Driver::keep_bridges(Net& net) {
    std::vector<std::string> names;
    for (const Document& d : {net.config, net.live})
        if (d && d->owns_bridge() && d->bridge) names.push_back(d->bridge->name);
    bridges_.keep(net.uuid, names);
}

Driver::Task Driver::finish_define(sdk::OperationPtr op, NetPtr net, Definition definition, bool fresh) {
    doc::Network complete_one = *definition.document;
    // A description that says nothing of them keeps those that it had.
    {
        const ObjectLock lock(net->mu);
        const Document before = fresh ? nullptr : net->current();
        if (before && before->mac && !complete_one.mac) complete_one.mac = before->mac;
        if (before && before->owns_bridge() && complete_one.owns_bridge() && before->bridge && complete_one.bridge &&
            complete_one.bridge->name.empty())
            complete_one.bridge->name = before->bridge->name;
    }
    if (!definition.persistent) {
        const ObjectLock lock(net->mu);
        if (net->live)
            co_return make_error(ErrorCode::operation_invalid, ErrorDomain::network,
                                 "network is already active as '{}'", net->name);
    }
    Status done = complete(complete_one);
    const auto document = std::make_shared<const doc::Network>(std::move(complete_one));
    if (done && definition.persistent)
        done = configs_.put(config_record(net->name), doc::format_network(*document, {.inactive = true}), op->call());
    {
        const ObjectLock lock(net->mu);
        *definition.handle = net->handle;
        if (done && definition.persistent) {
            net->config = document;
            show(*net);
            post(*net, PV_NETWORK_EVENT_DEFINED);
        } else if (!done && fresh) {
            net->config = nullptr;
        }
        keep_bridges(*net);
    }
    if (done && !definition.persistent) done = co_await start_network(net, document, op->call());
    settle(net);
    co_return done;
}

pv_status Driver::undefine(pv_call* call, const pv_obj* obj, const pv_net_undefine_in&, pv_net_undefine_out&) {
    return with_job(call, net_of(obj), "undefine",
                    [this](const sdk::OperationPtr&, const NetPtr& net) { return finish_undefine(net); });
}

Driver::Task Driver::finish_undefine(NetPtr net) {
    bool persistent = false;
    {
        const ObjectLock lock(net->mu);
        persistent = net->config != nullptr;
    }
    if (!persistent)
        co_return make_error(ErrorCode::operation_invalid, ErrorDomain::network, "can't undefine transient network");
    PV_CO_TRY(configs_.remove(autostart_record(net->name)));
    PV_CO_TRY(configs_.remove(config_record(net->name)));
    {
        const ObjectLock lock(net->mu);
        net->config = nullptr;
        net->autostart = false;
        keep_bridges(*net);
        show(*net);
        post(*net, PV_NETWORK_EVENT_UNDEFINED);
    }
    settle(net);
    co_return Status();
}

// One that is neither defined nor active goes.
void Driver::settle(const NetPtr& net) {
    {
        const ObjectLock lock(net->mu);
        if (net->removed || net->config || net->live) return;
        bridges_.keep(net->uuid, {});
    }
    ::unlink(lease_file(s_, net->uuid).c_str());
    nets_.remove(*net);
}

pv_status Driver::set_autostart(pv_call* call, const pv_obj* obj, const pv_net_set_autostart_in& in,
                                pv_net_set_autostart_out&) {
    return with_job(call, net_of(obj), "set autostart",
                    [this, wanted = in.autostart != 0](const sdk::OperationPtr& op, const NetPtr& net) {
                        return finish_autostart(op, net, wanted);
                    });
}

Driver::Task Driver::finish_autostart(sdk::OperationPtr op, NetPtr net, bool wanted) {
    bool persistent = false;
    {
        const ObjectLock lock(net->mu);
        persistent = net->config != nullptr;
    }
    if (!persistent)
        co_return make_error(ErrorCode::operation_invalid, ErrorDomain::network,
                             "cannot set autostart for transient network");
    PV_CO_TRY(wanted ? configs_.put(autostart_record(net->name), net->uuid.to_string() + "\n", op->call())
                     : configs_.remove(autostart_record(net->name)));
    const ObjectLock lock(net->mu);
    net->autostart = wanted;
    show(*net);
    co_return Status();
}

} // namespace polyvirt::network
