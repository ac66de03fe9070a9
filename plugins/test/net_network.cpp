// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.net.network: networks.

#include <polyvirt/abi/gen/net_network.h>

#include "net_leases.h"
#include "networks.h"
#include "op.h"
#include "sdk/network/update.h"
#include "sdk/xml/metadata.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

namespace network = sdk::network;

Error invalid_network(std::string text) { return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "{}", text); }

class NetworkOps : public Ops {
  public:
    using Ops::Ops;

    pv_status create_xml(pv_call* call, const pv_obj*, const pv_net_create_xml_in& in, pv_net_create_xml_out& out) {
        if (const Status flags = check_flags(in.flags, PV_NETWORK_CREATE_VALIDATE, "testNetworkCreateXMLFlags"); !flags)
            return answer(call, flags);
        return put(call, in.xml, false, (in.flags & PV_NETWORK_CREATE_VALIDATE) != 0, out.obj);
    }
    pv_status define_xml(pv_call* call, const pv_obj*, const pv_net_define_xml_in& in, pv_net_define_xml_out& out) {
        if (const Status flags = check_flags(in.flags, PV_NETWORK_DEFINE_VALIDATE, "testNetworkDefineXMLFlags"); !flags)
            return answer(call, flags);
        return put(call, in.xml, true, (in.flags & PV_NETWORK_DEFINE_VALIDATE) != 0, out.obj);
    }

    pv_status undefine(pv_call* call, const pv_obj* obj, const pv_net_undefine_in&, pv_net_undefine_out&) {
        return change(call, obj, [this](Net& net) PV_REQUIRES(net.mu) -> Status {
            if (net.active()) return invalid_network(fmt::format("Network '{}' is still running", net.name));
            net.config = nullptr;
            net.autostart = false;
            nets().show(net);
            nets().post(net, PV_NETWORK_EVENT_UNDEFINED);
            return {};
        });
    }
    pv_status create(pv_call* call, const pv_obj* obj, const pv_net_create_in&, pv_net_create_out&) {
        return change(call, obj, [this](Net& net) PV_REQUIRES(net.mu) -> Status {
            if (net.active()) return invalid_network(fmt::format("Network '{}' is already running", net.name));
            nets().start(net, net.config);
            return {};
        });
    }
    pv_status destroy(pv_call* call, const pv_obj* obj, const pv_net_destroy_in&, pv_net_destroy_out&) {
        return change(call, obj, [this](Net& net) PV_REQUIRES(net.mu) -> Status {
            if (!net.active()) return invalid_network(fmt::format("Network '{}' is not running", net.name));
            nets().halt(net);
            return {};
        });
    }

    pv_status update(pv_call* call, const pv_obj* obj, const pv_net_update_in& in, pv_net_update_out&) {
        constexpr std::uint32_t kFlags = PV_NETWORK_UPDATE_AFFECT_LIVE | PV_NETWORK_UPDATE_AFFECT_CONFIG;
        if (const Status flags = check_flags(in.flags, kFlags, "testNetworkUpdate"); !flags) return answer(call, flags);
        const auto number = [](std::int32_t n) { return static_cast<std::uint8_t>(n < 0 || n > 255 ? 255 : n); };
        const network::Update what{.command = static_cast<network::UpdateCommand>(number(in.command)),
                                   .section = static_cast<network::UpdateSection>(number(in.section)),
                                   .parent_index = in.parent_index,
                                   .text = in.xml};
        return change(call, obj, [&](Net& net) PV_REQUIRES(net.mu) -> Status {
            return nets().edit(net, in.flags, [&](network::Network& n) { return network::update_network(n, what); });
        });
    }

    pv_status xml_desc(pv_call* call, const pv_obj* obj, const pv_net_xml_desc_in& in, pv_net_xml_desc_out& out) {
        if (const Status flags = check_flags(in.flags, PV_NETWORK_XML_INACTIVE, "testNetworkGetXMLDesc"); !flags)
            return answer(call, flags);
        const NetPtr net = Networks::of(obj);
        const bool inactive = (in.flags & PV_NETWORK_XML_INACTIVE) != 0;
        NetworkDocument document;
        std::shared_ptr<const sdk::xml::Node> faults;
        {
            const ObjectLock lock(net->mu);
            document = inactive && net->config ? net->config : net->current();
            faults = net->faults_text;
        }
        if (!document) return fail(call, no_network(*net));
        return write_document(s_, call, out.xml, with_faults(network::format_network(*document, {.inactive = inactive}), faults));
    }

    pv_status bridge_name(pv_call* call, const pv_obj* obj, const pv_net_bridge_name_in&, pv_net_bridge_name_out& out) {
        const NetworkDocument document = current(obj);
        if (!document) return fail(call, no_network(*Networks::of(obj)));
        if (!document->bridge || document->bridge->name.empty())
            return fail(call, make_error(ErrorCode::internal_error, ErrorDomain::test, "network '{}' does not have a bridge name.",
                                         document->name));
        return Ops::put(out.name, document->bridge->name);
    }

    pv_status set_autostart(pv_call* call, const pv_obj* obj, const pv_net_set_autostart_in& in, pv_net_set_autostart_out&) {
        return change(call, obj, [&](Net& net) PV_REQUIRES(net.mu) -> Status {
            if (!net.config) return invalid_network("cannot set autostart for transient network");
            net.autostart = in.autostart != 0;
            nets().show(net);
            return {};
        });
    }

    pv_status dhcp_leases(pv_call* call, const pv_obj* obj, const pv_net_dhcp_leases_in& in, pv_net_dhcp_leases_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testNetworkGetDHCPLeases"); !flags) return answer(call, flags);
        std::optional<sdk::xml::Mac> only;
        if (in.mac != nullptr) {
            only = sdk::xml::Mac::parse(in.mac);
            if (!only) return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "malformed MAC address '{}'", in.mac));
        }
        const NetPtr net = Networks::of(obj);
        NetworkDocument document;
        {
            const ObjectLock lock(net->mu);
            document = net->live;
        }
        if (!document) return PV_OK; // nobody hands out anything
        for (const DhcpLease& lease : leases_of(driver_, *document)) {
            if (only && lease.mac != *only) continue;
            add_lease(lease, out.leases);
        }
        return PV_OK;
    }

    pv_status set_metadata(pv_call* call, const pv_obj* obj, const pv_net_set_metadata_in& in, pv_net_set_metadata_out&) {
        constexpr std::uint32_t kFlags = PV_NETWORK_UPDATE_AFFECT_LIVE | PV_NETWORK_UPDATE_AFFECT_CONFIG;
        if (const Status flags = check_flags(in.flags, kFlags, "testNetworkSetMetadata"); !flags) return answer(call, flags);
        const std::string text = in.metadata == nullptr ? "" : in.metadata;
        return change(call, obj, [&](Net& net) PV_REQUIRES(net.mu) -> Status {
            PV_TRY(nets().edit(net, in.flags, [&](network::Network& n) { return set_one(n, in, text); }));
            pv_event_network_metadata_change payload{};
            payload.size = sizeof payload;
            payload.type = in.type;
            payload.nsuri = in.uri;
            post_event(driver_, PV_KIND_NETWORK, net, net.handle, PV_EVENT_NETWORK_METADATA_CHANGE, &payload);
            return {};
        });
    }

    pv_status get_metadata(pv_call* call, const pv_obj* obj, const pv_net_get_metadata_in& in, pv_net_get_metadata_out& out) {
        constexpr std::uint32_t kFlags = PV_NETWORK_UPDATE_AFFECT_LIVE | PV_NETWORK_UPDATE_AFFECT_CONFIG;
        if (const Status flags = check_flags(in.flags, kFlags, "testNetworkGetMetadata"); !flags) return answer(call, flags);
        const NetPtr net = Networks::of(obj);
        NetworkDocument document;
        {
            const ObjectLock lock(net->mu);
            document = (in.flags & PV_NETWORK_UPDATE_AFFECT_CONFIG) != 0   ? net->config
                       : (in.flags & PV_NETWORK_UPDATE_AFFECT_LIVE) != 0 ? net->live
                                                                         : net->current();
        }
        if (!document) return fail(call, invalid_network(fmt::format("network '{}' has no such description", net->name)));
        std::optional<std::string> text;
        switch (in.type) {
        case PV_NETWORK_METADATA_DESCRIPTION: text = document->description; break;
        case PV_NETWORK_METADATA_TITLE: text = document->title; break;
        case PV_NETWORK_METADATA_ELEMENT: text = sdk::xml::metadata_element(document->metadata, in.uri == nullptr ? "" : in.uri); break;
        default: return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "unknown metadata type {}", in.type));
        }
        if (!text || text->empty())
            // The one code for metadata that is not there; that of networks came later than our tables.
            return fail(call, make_error(ErrorCode::no_domain_metadata, ErrorDomain::test, "Requested metadata element is not present"));
        return write_document(s_, call, out.metadata, *text);
    }

  private:
    Networks& nets() const { return driver_.networks(); }
    pv_status change(pv_call* call, const pv_obj* obj, const Networks::Change& change) const {
        return answer(call, nets().change(Networks::of(obj), change));
    }
    static NetworkDocument current(const pv_obj* obj) {
        const NetPtr net = Networks::of(obj);
        const ObjectLock lock(net->mu);
        return net->current();
    }

    pv_status put(pv_call* call, const char* xml, bool persistent, bool validate, std::uint64_t& handle) const {
        auto described = validated(nets().parse(xml), validate);
        if (!described) return fail(call, described.error());
        auto added = nets().add(call, *described, persistent);
        if (!added) return fail(call, added.error());
        return answer(call, nets().change(added->object, [&](Net& net) PV_REQUIRES(net.mu) -> Status {
            if (!persistent && net.active())
                return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "network is already active as '{}'", net.name);
            if (persistent) net.config = described->value;
            nets().take_faults(net, *described);
            if (persistent) {
                nets().show(net);
                nets().post(net, PV_NETWORK_EVENT_DEFINED);
            } else {
                nets().start(net, described->value);
            }
            handle = net.handle;
            return {};
        }));
    }

    static Status set_one(network::Network& n, const pv_net_set_metadata_in& in, const std::string& text) {
        switch (in.type) {
        case PV_NETWORK_METADATA_DESCRIPTION: n.description = text; return {};
        case PV_NETWORK_METADATA_TITLE:
            if (text.find('\n') != std::string::npos)
                return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "metadata title can't contain newlines");
            n.title = text;
            return {};
        case PV_NETWORK_METADATA_ELEMENT:
            return sdk::xml::set_metadata_element(n.metadata, in.uri == nullptr ? "" : in.uri, in.key == nullptr ? "" : in.key, text,
                                                  ErrorDomain::test);
        default: return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "unknown metadata type {}", in.type);
        }
    }

    void add_lease(const DhcpLease& lease, pv_records* records) const {
        const std::string mac = lease.mac.to_string(), address = lease.address.to_string();
        pv_net_lease record{};
        record.size = sizeof record;
        record.interface = lease.bridge.c_str();
        record.expiry = lease.expiry;
        record.type = lease.address.v6 ? PV_IP_ADDR_TYPE_IPV6 : PV_IP_ADDR_TYPE_IPV4;
        record.prefix = lease.prefix;
        record.mac = mac.c_str();
        record.address = address.c_str();
        record.hostname = lease.host_name.empty() ? nullptr : lease.host_name.c_str();
        s_.build->add_record(records, &record);
    }
};

} // namespace

const void* net_network_table() {
    static const auto table = make_table<pv_net_network>([](auto& t) {
        t.create_xml = op<"network.create_xml", &NetworkOps::create_xml>;
        t.define_xml = op<"network.define_xml", &NetworkOps::define_xml>;
        t.undefine = op<"network.undefine", &NetworkOps::undefine>;
        t.create = op<"network.create", &NetworkOps::create>;
        t.destroy = op<"network.destroy", &NetworkOps::destroy>;
        t.update = op<"network.update", &NetworkOps::update>;
        t.xml_desc = op<"network.xml_desc", &NetworkOps::xml_desc>;
        t.bridge_name = op<"network.bridge_name", &NetworkOps::bridge_name>;
        t.set_autostart = op<"network.set_autostart", &NetworkOps::set_autostart>;
        t.dhcp_leases = op<"network.dhcp_leases", &NetworkOps::dhcp_leases>;
        t.set_metadata = op<"network.set_metadata", &NetworkOps::set_metadata>;
        t.get_metadata = op<"network.get_metadata", &NetworkOps::get_metadata>;
    });
    return &table;
}

} // namespace polyvirt::test
