// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Objects of the registry as the wire shows them. Texts are copied into the call's arena.

#include <cstring>
#include <string_view>

#include "host/dispatch/wire_call.h"
#include "host/plugin/registry.h"
#include "host/protocol/gen/types.h"

namespace polyvirt::dispatch {

inline std::string_view view(const protocol::Str& s) { return s.view(); }

template <typename Wire> Wire to_wire(WireCall& call, const plugin::ObjectRef& object);

template <>
inline protocol::domain to_wire(WireCall& call, const plugin::ObjectRef& object) {
    protocol::domain d{};
    d.name = call.keep(object.name);
    std::memcpy(d.uuid.data(), object.uuid.bytes.data(), object.uuid.bytes.size());
    d.id = object.dom_id;
    return d;
}

template <> protocol::network to_wire(WireCall& call, const plugin::ObjectRef& object);
template <> protocol::network_port to_wire(WireCall& call, const plugin::ObjectRef& object);
template <> protocol::interface to_wire(WireCall& call, const plugin::ObjectRef& object);
template <> protocol::storage_pool to_wire(WireCall& call, const plugin::ObjectRef& object);
template <> protocol::storage_vol to_wire(WireCall& call, const plugin::ObjectRef& object);
template <> protocol::node_device to_wire(WireCall& call, const plugin::ObjectRef& object);
template <> protocol::nwfilter to_wire(WireCall& call, const plugin::ObjectRef& object);
template <> protocol::nwfilter_binding to_wire(WireCall& call, const plugin::ObjectRef& object);
template <> protocol::secret to_wire(WireCall& call, const plugin::ObjectRef& object);
template <> protocol::domain_snapshot to_wire(WireCall& call, const plugin::ObjectRef& object);
template <> protocol::domain_checkpoint to_wire(WireCall& call, const plugin::ObjectRef& object);

} // namespace polyvirt::dispatch
