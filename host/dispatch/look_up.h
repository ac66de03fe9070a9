// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// From the wire's names of objects to those of the registry, with the words for "there is none" that clients
// know. Look-ups go to the registry of the call's driver and never enter it.

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "host/plugin/registry.h"
#include "host/protocol/gen/types.h"

namespace polyvirt::dispatch {

class WireCall;

Result<plugin::ObjectPtr> look_up(WireCall& call, const protocol::domain& wire);
Result<plugin::ObjectPtr> look_up(WireCall& call, const protocol::network& wire);
Result<plugin::ObjectPtr> look_up(WireCall& call, const protocol::network_port& wire);
Result<plugin::ObjectPtr> look_up(WireCall& call, const protocol::interface& wire);
Result<plugin::ObjectPtr> look_up(WireCall& call, const protocol::storage_pool& wire);
// Its pool must be active.
Result<plugin::ObjectPtr> look_up(WireCall& call, const protocol::storage_vol& wire);
Result<plugin::ObjectPtr> look_up(WireCall& call, const protocol::node_device& wire);
Result<plugin::ObjectPtr> look_up(WireCall& call, const protocol::nwfilter& wire);
Result<plugin::ObjectPtr> look_up(WireCall& call, const protocol::nwfilter_binding& wire);
Result<plugin::ObjectPtr> look_up(WireCall& call, const protocol::secret& wire);
Result<plugin::ObjectPtr> look_up(WireCall& call, const protocol::domain_snapshot& wire);
Result<plugin::ObjectPtr> look_up(WireCall& call, const protocol::domain_checkpoint& wire);

// Where the wire has nothing but a name. `parent`: the object that it belongs to, or null.
Result<plugin::ObjectPtr> look_up_name(WireCall& call, std::uint32_t kind, std::string_view name,
                                       const plugin::ObjectRef* parent = nullptr);
// `name`: what the client calls it besides, for the complaint; may be empty.
Result<plugin::ObjectPtr> look_up_uuid(WireCall& call, std::uint32_t kind, const Uuid& uuid, std::string_view name = {});

// Error operation_invalid: what belongs to a pool or network is there only while that is active.
[[nodiscard]] Status check_active(WireCall& call, const plugin::ObjectRef& object);

} // namespace polyvirt::dispatch
