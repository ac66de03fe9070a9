// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Changes of a network's documents: one section, or what applications keep with it.

#include <utility>

#include "base/error_text.h"
#include "driver.h"
#include "sdk/network/update.h"
#include "sdk/xml/metadata.h"
#include "up/ruleset.h"
#include "up/server.h"

namespace polyvirt::network {
namespace {

Error invalid(std::string_view text) {
    return make_error(ErrorCode::operation_invalid, ErrorDomain::network, "{}", text);
}

// The wire's numbers; those beyond are refused by the update itself.
std::uint8_t number(std::int32_t n) { return static_cast<std::uint8_t>(n < 0 || n > 255 ? 255 : n); }

Status set_one(doc::Network& n, std::int32_t type, const std::string& text, const std::string& uri,
               const std::string& key) {
    switch (type) {
    case PV_NETWORK_METADATA_DESCRIPTION: n.description = text; return {};
    case PV_NETWORK_METADATA_TITLE:
        if (text.find('\n') != std::string::npos)
            return make_error(ErrorCode::invalid_arg, ErrorDomain::network, "metadata title can't contain newlines");
        n.title = text;
        return {};
    case PV_NETWORK_METADATA_ELEMENT:
        return sdk::xml::set_metadata_element(n.metadata, uri, key, text, ErrorDomain::network);
    default: return make_error(ErrorCode::invalid_arg, ErrorDomain::network, "unknown metadata type {}", type);
    }
}

void set_uses(doc::Network& n, const Uses& uses) {
    if (!n.forward) return;
    for (doc::ForwardInterface& i : n.forward->interfaces) {
        i.connections.reset();
        if (const auto found = uses.find(i.dev); found != uses.end()) i.connections = found->second;
    }
}

} // namespace

pv_status Driver::update(pv_call* call, const pv_obj* obj, const pv_net_update_in& in, pv_net_update_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "networkUpdate"); !flags) return answer(call, flags);
    return with_job(call, net_of(obj), "update", [this, in](const sdk::OperationPtr& op, const NetPtr& net) {
        return edit(op, net, in.flags, [in](doc::Network& n) {
            return doc::update_network(n, {.command = static_cast<doc::UpdateCommand>(number(in.command)),
                                           .section = static_cast<doc::UpdateSection>(number(in.section)),
                                           .parent_index = in.parent_index,
                                           .text = in.xml});
        });
    });
}

pv_status Driver::set_metadata(pv_call* call, const pv_obj* obj, const pv_net_set_metadata_in& in,
                               pv_net_set_metadata_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "networkSetMetadata"); !flags) return answer(call, flags);
    return with_job(call, net_of(obj), "set metadata", [this, in](const sdk::OperationPtr& op, const NetPtr& net) {
        return finish_metadata(op, net, in);
    });
}

Driver::Task Driver::finish_metadata(sdk::OperationPtr op, NetPtr net, pv_net_set_metadata_in in) {
    const auto given = [](const char* text) { return std::string(text == nullptr ? "" : text); };
    Edit change = [in, given](doc::Network& n) {
        return set_one(n, in.type, given(in.metadata), given(in.uri), given(in.key));
    };
    auto changed = edit(op, net, in.flags, std::move(change));
    PV_CO_TRY(co_await std::move(changed));
    pv_event_network_metadata_change payload{};
    payload.type = in.type;
    payload.nsuri = in.uri;
    const ObjectLock lock(net->mu);
    events_.post(PV_KIND_NETWORK, PV_EVENT_NETWORK_METADATA_CHANGE,
                 {.handle = net->handle, .uuid = net->uuid, .name = net->name}, payload);
    co_return Status();
}

Driver::Task Driver::edit(sdk::OperationPtr op, NetPtr net, std::uint32_t flags, Edit change) {
    Document old_live, old_config;
    Uses uses;
    {
        const ObjectLock lock(net->mu);
        uses = net->uses();
        old_live = net->live;
        old_config = net->config;
    }
    bool live = (flags & PV_NETWORK_UPDATE_AFFECT_LIVE) != 0, config = (flags & PV_NETWORK_UPDATE_AFFECT_CONFIG) != 0;
    if (!live && !config) (old_live ? live : config) = true;
    if (live && !old_live) co_return invalid("network is not running");
    if (config && !old_config) co_return invalid("cannot change persistent config of a transient network");
    // Both are made before either is replaced: a refusal changes nothing.
    std::shared_ptr<doc::Network> new_live, new_config;
    if (config) {
        new_config = std::make_shared<doc::Network>(*old_config);
        PV_CO_TRY(change(*new_config));
    }
    if (live) {
        new_live = std::make_shared<doc::Network>(*old_live);
        set_uses(*new_live, uses); // what somebody is on does not go
        PV_CO_TRY(change(*new_live));
        set_uses(*new_live, {});
    }
    // What can fail comes first: the live one can be put back.
    const Document changed = new_live;
    if (changed) {
        auto applied = apply_change(net, old_live, changed, op->call());
        PV_CO_TRY(co_await std::move(applied));
    }
    if (new_config) {
        const Status written =
            configs_.put(config_record(net->name), doc::format_network(*new_config, {.inactive = true}), op->call());
        if (!written) {
            if (changed) {
                auto back = apply_change(net, changed, old_live, nullptr);
                (void)co_await std::move(back);
            }
            co_return written;
        }
        const ObjectLock lock(net->mu);
        net->config = new_config;
    }
    co_return Status();
}

// The live document, with what follows from it: who answers begins anew where it is told something else.
Driver::Task Driver::apply_change(NetPtr net, Document from, Document to, pv_call* call) {
    const ServerFiles files = server_files(s_, *from);
    const bool serves = wants_server(*from) || wants_server(*to);
    if (serves) {
        PV_CO_ASSIGN_OR_RETURN(const std::string before, server_config(*from, files));
        PV_CO_ASSIGN_OR_RETURN(const std::string after, server_config(*to, files));
        if (before != after) {
            forget_server(net);
            stop_server(files);
            const Status started = start_server(s_, call, *to);
            if (!started) (void)start_server(s_, nullptr, *from);
            watch_server(net);
            PV_CO_TRY(started);
        }
    }
    {
        const ObjectLock lock(net->mu);
        net->live = to;
        net->walled = to;
    }
    PV_CO_TRY(save_status(net, call));
    if (!wants_rules(*to)) co_return Status();
    auto walls = apply_walls(call);
    co_return co_await std::move(walls);
}

} // namespace polyvirt::network
