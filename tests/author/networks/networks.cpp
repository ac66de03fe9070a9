// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// For the template that asks a driver of networks: one, with the network "lan" behind the bridge "pvbr7" and the network
// "broken", which fails to say.

#include <polyvirt/gen/net_network.h>
#include <polyvirt/object.h>
#include <polyvirt/plugin.h>

namespace {

using namespace polyvirt;

class Driver : public plugin::DriverBase {
  public:
    static constexpr plugin::About kAbout{
        .id = "networks", .version = "1", .uri = "networks", .kinds = "network", .serves = "network"};
    using Implements = plugin::implements<ops::net_network::bridge_name>;

    static plugin::Claim probe(std::string_view uri, bool) {
        if (uri != "networks:///default") return {};
        return {.score = 100, .canonical = "networks:///default", .instance = "default"};
    }
    explicit Driver(const plugin::Services& s) : DriverBase(s) {}

    Status start(pv_call* call, std::uint32_t) {
        PV_ASSIGN_OR_RETURN(lan_, publish(call, "lan"));
        PV_ASSIGN_OR_RETURN(broken_, publish(call, "broken"));
        return {};
    }

    Status bridge_name(pv_call*, const pv_obj* obj, const pv_net_bridge_name_in&, pv_net_bridge_name_out& out) {
        if (obj->name != std::string_view("lan"))
            return Error{.code = ErrorCode::operation_invalid, .message = "network 'broken' has no bridge"};
        plugin::write(s_, out.name, "pvbr7");
        return {};
    }

  private:
    Result<plugin::Published> publish(pv_call* call, const char* name) {
        pv_obj_desc desc{};
        desc.kind = PV_KIND_NETWORK;
        desc.name = name;
        desc.uuid[0] = static_cast<std::uint8_t>(name[0]);
        desc.dom_id = -1;
        desc.attrs = PV_ATTR_ACTIVE | PV_ATTR_PERSISTENT;
        return plugin::Published::publish(s_, call, desc, std::make_shared<int>(0));
    }

    plugin::Published lan_, broken_;
};

} // namespace

PV_PLUGIN(Driver);
