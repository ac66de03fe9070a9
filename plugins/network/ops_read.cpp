// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Questions: documents, names, leases.

#include "base/error_text.h"
#include "driver.h"
#include "leases.h"
#include "sdk/xml/metadata.h"
#include "up/server.h"

namespace polyvirt::network {
namespace {

// What only an active network has.
struct Activity {
    std::size_t ports = 0;
    Uses uses;
    Functions functions;
};
std::string format_live(const doc::Network& network, const Activity& now) {
    doc::Network shown = with_functions(network, now.functions);
    if (now.ports != 0) shown.connections = static_cast<std::uint32_t>(now.ports);
    if (now.ports == 0 || !shown.forward) return doc::format_network(shown);
    const auto note = [&now](auto& device, const std::string& name) {
        if (const auto found = now.uses.find(name); found != now.uses.end()) device.connections = found->second;
    };
    for (doc::ForwardInterface& i : shown.forward->interfaces) note(i, i.dev);
    for (doc::ForwardAddress& a : shown.forward->addresses) note(a, pci_name(a.pci));
    return doc::format_network(shown);
}

} // namespace

pv_status Driver::xml_desc(pv_call* call, const pv_obj* obj, const pv_net_xml_desc_in& in, pv_net_xml_desc_out& out) {
    if (const Status flags = check_flags(in.flags, PV_NETWORK_XML_INACTIVE, "networkGetXMLDesc"); !flags)
        return answer(call, flags);
    const NetPtr net = net_of(obj);
    const bool inactive = (in.flags & PV_NETWORK_XML_INACTIVE) != 0;
    Document document;
    Activity now;
    {
        const ObjectLock lock(net->mu);
        document = inactive && net->config ? net->config : net->current();
        if (document == net->live) now = {net->ports.size(), net->uses(), net->functions};
    }
    if (!document) return answer(call, no_network(*net));
    return give(call, out.xml,
                inactive ? doc::format_network(*document, {.inactive = true}) : format_live(*document, now));
}

pv_status Driver::bridge_name(pv_call* call, const pv_obj* obj, const pv_net_bridge_name_in&,
                              pv_net_bridge_name_out& out) {
    const NetPtr net = net_of(obj);
    Document document;
    {
        const ObjectLock lock(net->mu);
        document = net->current();
    }
    if (!document) return answer(call, no_network(*net));
    if (!document->bridge || document->bridge->name.empty())
        return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::network,
                                       "network '{}' does not have a bridge name.", net->name));
    return give(call, out.name, document->bridge->name);
}

pv_status Driver::dhcp_leases(pv_call* call, const pv_obj* obj, const pv_net_dhcp_leases_in& in,
                              pv_net_dhcp_leases_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "networkGetDHCPLeases"); !flags) return answer(call, flags);
    std::optional<sdk::xml::Mac> only;
    if (in.mac != nullptr) {
        only = sdk::xml::Mac::parse(in.mac);
        if (!only)
            return answer(call, Error{.code = ErrorCode::invalid_mac,
                                      .domain = ErrorDomain::network,
                                      .message = fmt::format("invalid MAC address: {}", in.mac)});
    }
    const NetPtr net = net_of(obj);
    Document document;
    {
        const ObjectLock lock(net->mu);
        document = net->current();
    }
    if (!document) return answer(call, no_network(*net));
    const auto leases = read_leases(lease_file(s_, net->uuid));
    if (!leases) return answer(call, leases.error());
    for (const DhcpLease& lease : *leases) {
        if (only && lease.mac != only) continue;
        add_lease(s_, out.leases, lease, *document);
    }
    return PV_OK;
}

pv_status Driver::get_metadata(pv_call* call, const pv_obj* obj, const pv_net_get_metadata_in& in,
                               pv_net_get_metadata_out& out) {
    if (const Status flags = check_flags(in.flags, kAffect, "networkGetMetadata"); !flags) return answer(call, flags);
    if (in.flags == kAffect)
        return answer(call, Error{.code = ErrorCode::invalid_arg,
                                  .domain = ErrorDomain::network,
                                  .message = "Flags 'VIR_NETWORK_UPDATE_AFFECT_LIVE' and "
                                             "'VIR_NETWORK_UPDATE_AFFECT_CONFIG' are mutually exclusive"});
    const NetPtr net = net_of(obj);
    Document document;
    {
        const ObjectLock lock(net->mu);
        document = (in.flags & PV_NETWORK_UPDATE_AFFECT_CONFIG) != 0 ? net->config
                   : (in.flags & PV_NETWORK_UPDATE_AFFECT_LIVE) != 0 ? net->live
                                                                     : net->current();
    }
    if (!document)
        return answer(call, make_error(ErrorCode::operation_invalid, ErrorDomain::network, "{}",
                                       (in.flags & PV_NETWORK_UPDATE_AFFECT_LIVE) != 0
                                           ? "network is not running"
                                           : "network has no persistent definition"));
    std::optional<std::string> text;
    switch (in.type) {
    case PV_NETWORK_METADATA_DESCRIPTION: text = document->description; break;
    case PV_NETWORK_METADATA_TITLE: text = document->title; break;
    case PV_NETWORK_METADATA_ELEMENT:
        text = sdk::xml::metadata_element(document->metadata, in.uri == nullptr ? "" : in.uri);
        break;
    default:
        return answer(call,
                      make_error(ErrorCode::invalid_arg, ErrorDomain::network, "unknown metadata type {}", in.type));
    }
    if (!text || text->empty())
        // The one code for metadata that is not there; that of networks came later than our tables.
        return answer(call, make_error(ErrorCode::no_domain_metadata, ErrorDomain::network,
                                       "Requested metadata element is not present"));
    return give(call, out.metadata, *text);
}

} // namespace polyvirt::network
