// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// A driver of networks for other drivers to call (caller.cpp): callee:///system, with two networks, "lan" and "dmz", and
// two ports in "lan".
//
//     xml_desc    <network> with the name, and who is behind the call
//     dhcp_leases two leases; for the MAC "endless" more than a list can hold
//     params      of a port: its bandwidth, as set_params left it
//     destroy     answers later, from a worker
//     undefine    always fails

#include <polyvirt/gen/net_network.h>
#include <polyvirt/gen/net_port.h>
#include <polyvirt/job.h>
#include <polyvirt/object.h>
#include <polyvirt/plugin.h>

#include <atomic>

#include "base/error_text.h"

namespace polyvirt::callee {

class Driver final : public plugin::DriverBase {
  public:
    static constexpr plugin::About kAbout{
        .id = CALLEE_ID,
        .version = "1",
        .uri = CALLEE_ID,
        .kinds = "network, network_port",
        .serves = "network, network_port",
        .uses = CALLEE_USES,
        .error_domain = 19,
        .concurrency = plugin::Concurrency::serial_per_object};
    using Implements =
        plugin::implements<ops::net_network::xml_desc, ops::net_network::destroy, ops::net_network::undefine,
                           ops::net_network::dhcp_leases, ops::net_port::params, ops::net_port::set_params>;

    static plugin::Claim probe(std::string_view uri, bool) {
        const std::string own = CALLEE_ID ":///default";
        if (uri != own) return {};
        return {.score = 100, .canonical = own, .instance = "default"};
    }
    explicit Driver(const plugin::Services& s) : DriverBase(s) {}

    Status start(pv_call* call, std::uint32_t) {
        for (const char* name : {"lan", "dmz"}) {
            pv_obj_desc desc{};
            desc.kind = PV_KIND_NETWORK;
            desc.name = name;
            desc.uuid[0] = static_cast<std::uint8_t>(name[0]);
            desc.dom_id = -1;
            desc.attrs = PV_ATTR_ACTIVE | PV_ATTR_PERSISTENT;
            PV_ASSIGN_OR_RETURN(auto network, plugin::Published::publish(s_, call, desc, std::make_shared<int>(0)));
            published_.push_back(std::move(network));
        }
        const std::uint64_t lan = published_.front().handle();
        for (const char* name : {"p0", "p1"}) {
            pv_obj_desc desc{};
            desc.kind = PV_KIND_NETWORK_PORT;
            desc.name = name;
            desc.uuid[0] = static_cast<std::uint8_t>(name[1]);
            desc.dom_id = -1;
            desc.parent = lan;
            const pv_key key{"tap", name};
            desc.keys = &key;
            desc.nkeys = 1;
            PV_ASSIGN_OR_RETURN(auto port, plugin::Published::publish(s_, call, desc, std::make_shared<int>(0)));
            published_.push_back(std::move(port));
        }
        return {};
    }
    void stop(std::uint32_t) { published_.clear(); }

    Status xml_desc(pv_call* call, const pv_obj* obj, const pv_net_xml_desc_in& in, pv_net_xml_desc_out& out) {
        char uid[32] = "none";
        if (s_.client->identity(call, "uid", uid, sizeof uid) != PV_OK) std::snprintf(uid, sizeof uid, "host");
        plugin::write(s_, out.xml,
                      fmt::format("<network name='{}' flags='{}' uid='{}' client='{}'/>", obj->name, in.flags, uid,
                                  s_.call->client(call) != 0 ? "yes" : "no"));
        return {};
    }
    pv_status destroy(pv_call* call, const pv_obj*, const pv_net_destroy_in&, pv_net_destroy_out&) {
        const bool taken = plugin::submit(s_, 0, [this, call] { s_.call->complete(call, PV_OK); });
        return taken ? PV_PENDING : plugin::fail(s_, call, Error{.message = "no worker"});
    }
    Status undefine(pv_call*, const pv_obj* obj, const pv_net_undefine_in&, pv_net_undefine_out&) {
        return make_error(ErrorCode::operation_invalid, ErrorDomain::network, "network '{}' stays", obj->name);
    }

    Status dhcp_leases(pv_call*, const pv_obj* obj, const pv_net_dhcp_leases_in& in, pv_net_dhcp_leases_out& out) {
        if (in.mac != nullptr && std::string_view(in.mac) == "endless") {
            const std::string much(std::size_t{5} << 20, 'x');
            pv_net_lease lease{};
            lease.size = sizeof lease;
            lease.interface = lease.address = much.c_str();
            while (s_.build->add_record(out.leases, &lease) == PV_OK) lease.size = 0; // the second makes no sense
            return {};
        }
        for (std::uint32_t i = 1; i <= 2; ++i) {
            const std::string address = fmt::format("192.0.2.{}", i);
            pv_net_lease lease{};
            lease.size = sizeof lease;
            lease.interface = obj->name;
            lease.expiry = 1'000'000'000'000 + i;
            lease.prefix = 24;
            lease.address = address.c_str();
            lease.hostname = i == 1 ? "one" : nullptr;
            s_.build->add_record(out.leases, &lease);
        }
        return {};
    }
    Status params(pv_call*, const pv_obj*, const pv_port_params_in&, pv_port_params_out& out) {
        pv_param p{};
        p.field = "inbound.average";
        p.type = PV_PARAM_UINT;
        p.v.ui = average_;
        s_.build->add_param(out.params, &p);
        p.field = "note";
        p.type = PV_PARAM_STRING;
        p.v.s = "none";
        s_.build->add_param(out.params, &p);
        return {};
    }
    Status set_params(pv_call*, const pv_obj*, const pv_port_set_params_in& in, pv_port_set_params_out&) {
        for (std::uint32_t i = 0; i < in.nparams; ++i)
            if (std::string_view(in.params[i].field) == "inbound.average") average_ = in.params[i].v.ui;
        return {};
    }

  private:
    std::atomic<std::uint32_t> average_{0};
    std::vector<plugin::Published> published_;
};

} // namespace polyvirt::callee

PV_PLUGIN(polyvirt::callee::Driver);
