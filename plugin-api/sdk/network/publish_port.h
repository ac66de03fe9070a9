// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Ports in the registry, for drivers of networks: objects without a name of their own, below their network.

#include <algorithm>
#include <memory>
#include <string>

#include <polyvirt/services.h>

#include "base/error_text.h"

namespace polyvirt::sdk::network {

// `port` has `uuid`, and gets its `handle`. Ops on it find a std::shared_ptr<Port>.
template <typename Port>
Status publish_port(const plugin::Services& s, pv_call* call, std::uint64_t network_handle, const std::string& network,
                    const std::shared_ptr<Port>& port, ErrorDomain domain) {
    auto data = std::make_unique<std::shared_ptr<Port>>(port);
    const std::string name = port->uuid.to_string();
    pv_obj_desc desc{};
    desc.size = sizeof desc;
    desc.kind = PV_KIND_NETWORK_PORT;
    desc.name = name.c_str();
    std::copy(port->uuid.bytes.begin(), port->uuid.bytes.end(), desc.uuid);
    desc.dom_id = -1;
    desc.parent = network_handle;
    desc.data = data.get();
    desc.release = [](void* d) noexcept { delete static_cast<std::shared_ptr<Port>*>(d); };
    if (s.registry->publish(s.host, call, &desc, &port->handle) != PV_OK)
        return make_error(ErrorCode::operation_failed, domain, "port {} of network '{}' cannot be published", name, network);
    (void)data.release();
    return {};
}

} // namespace polyvirt::sdk::network
