// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// A driver of networks for other drivers to call (caller.cpp): callee:///system, with two networks, "lan" and "dmz".
//
//     xml_desc    <network> with the name, and who is behind the call
//     destroy     answers later, from a worker
//     undefine    always fails

#include <polyvirt/gen/net_network.h>
#include <polyvirt/job.h>
#include <polyvirt/object.h>
#include <polyvirt/plugin.h>

#include "base/error_text.h"

namespace polyvirt::callee {

class Driver final : public plugin::DriverBase {
  public:
    static constexpr plugin::About kAbout{
        .id = CALLEE_ID,
        .version = "1",
        .uri = CALLEE_ID,
        .kinds = "network",
        .serves = "network",
        .uses = CALLEE_USES,
        .error_domain = 19,
        .concurrency = plugin::Concurrency::serial_per_object};
    using Implements =
        plugin::implements<ops::net_network::xml_desc, ops::net_network::destroy, ops::net_network::undefine>;

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
            networks_.push_back(std::move(network));
        }
        return {};
    }
    void stop(std::uint32_t) { networks_.clear(); }

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

  private:
    std::vector<plugin::Published> networks_;
};

} // namespace polyvirt::callee

PV_PLUGIN(polyvirt::callee::Driver);
