// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.net.port: ports of networks.

#include <functional>

#include <polyvirt/abi/gen/net_port.h>

#include "networks.h"
#include "op.h"
#include "sdk/network/publish_port.h"
#include "sdk/tune_params.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

namespace network = sdk::network;

NetPortPtr port_of(const pv_obj* obj) { return *static_cast<NetPortPtr*>(obj->data); }

Error no_port(const NetPort& port) {
    return make_error(ErrorCode::no_network_port, ErrorDomain::test, "no network port with matching uuid '{}'", port.uuid.to_string());
}

class PortOps : public Ops {
  public:
    using Ops::Ops;

    pv_status create_xml(pv_call* call, const pv_obj* obj, const pv_port_create_xml_in& in, pv_port_create_xml_out& out) {
        constexpr std::uint32_t kFlags = PV_NETWORK_PORT_CREATE_RECLAIM | PV_NETWORK_PORT_CREATE_VALIDATE;
        if (const Status flags = check_flags(in.flags, kFlags, "testNetworkPortCreateXML"); !flags) return answer(call, flags);
        auto parsed = validated(network::parse_port(in.xml), (in.flags & PV_NETWORK_PORT_CREATE_VALIDATE) != 0);
        if (!parsed) return fail(call, parsed.error());
        const NetPtr net = Networks::of(obj);
        return answer(call, driver_.networks().change(net, [&](Net& n) PV_REQUIRES(n.mu) -> Status {
            if (!n.active()) return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "network '{}' is not active", n.name);
            const Uuid uuid = *parsed->value.uuid;
            if (n.ports.contains(uuid))
                return make_error(ErrorCode::network_port_exist, ErrorDomain::test, "Network port with UUID {} already exists",
                                  uuid.to_string());
            return publish(call, net, n, std::move(parsed->value), out.obj);
        }));
    }

    pv_status remove(pv_call* call, const pv_obj* obj, const pv_port_remove_in& in, pv_port_remove_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testNetworkPortDelete"); !flags) return answer(call, flags);
        return with(call, obj, [this](Net& net, const NetPortPtr& port) PV_REQUIRES(net.mu) -> Status {
            s_.registry->retire(s_.host, port->handle);
            net.ports.erase(port->uuid);
            return {};
        });
    }

    pv_status xml_desc(pv_call* call, const pv_obj* obj, const pv_port_xml_desc_in& in, pv_port_xml_desc_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testNetworkPortGetXMLDesc"); !flags) return answer(call, flags);
        std::string text;
        const pv_status status = with(call, obj, [&](Net&, const NetPortPtr& port) -> Status {
            text = network::format_port(port->document);
            return {};
        });
        return status == PV_OK ? write_document(s_, call, out.xml, text) : status;
    }

    pv_status params(pv_call* call, const pv_obj* obj, const pv_port_params_in& in, pv_port_params_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testNetworkPortGetParameters"); !flags) return answer(call, flags);
        network::Port document;
        const pv_status status = with(call, obj, [&](Net&, const NetPortPtr& port) -> Status {
            document = port->document;
            return {};
        });
        if (status == PV_OK) sdk::put_port_bandwidth(s_, out.params, document);
        return status;
    }

    pv_status set_params(pv_call* call, const pv_obj* obj, const pv_port_set_params_in& in, pv_port_set_params_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testNetworkPortSetParameters"); !flags) return answer(call, flags);
        return with(call, obj, [&](Net&, const NetPortPtr& port) -> Status {
            return sdk::take_port_bandwidth(sdk::ParamSpan(in.params, in.nparams), port->document);
        });
    }

  private:
    // Runs `use` under the lock of the network, unless either has gone.
    pv_status with(pv_call* call, const pv_obj* obj, const std::function<Status(Net&, const NetPortPtr&)>& use) const {
        const NetPortPtr port = port_of(obj);
        const NetPtr net = port->network.lock();
        if (!net) return fail(call, no_port(*port));
        return answer(call, driver_.networks().change(net, [&](Net& n) PV_REQUIRES(n.mu) -> Status {
            if (!n.ports.contains(port->uuid)) return no_port(*port);
            return use(n, port);
        }));
    }

    Status publish(pv_call* call, const NetPtr& net, Net& n, network::Port document, std::uint64_t& handle) const PV_REQUIRES(n.mu) {
        auto port = std::make_shared<NetPort>();
        port->network = net;
        port->uuid = *document.uuid;
        port->document = std::move(document);
        PV_TRY(network::publish_port(s_, call, n.handle, n.name, port, ErrorDomain::test));
        handle = port->handle;
        n.ports.emplace(port->uuid, std::move(port));
        return {};
    }
};

} // namespace

const void* net_port_table() {
    static const auto table = make_table<pv_net_port>([](auto& t) {
        t.create_xml = op<"port.create_xml", &PortOps::create_xml>;
        t.remove = op<"port.remove", &PortOps::remove>;
        t.xml_desc = op<"port.xml_desc", &PortOps::xml_desc>;
        t.params = op<"port.params", &PortOps::params>;
        t.set_params = op<"port.set_params", &PortOps::set_params>;
    });
    return &table;
}

} // namespace polyvirt::test
