// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/look_up.h"

#include "base/error_text.h"
#include "host/dispatch/glue_support.h"
#include "host/dispatch/kind_facts.h"
#include "host/dispatch/wire_call.h"

namespace polyvirt::dispatch {

using plugin::ObjectPtr;
using Found = Result<ObjectPtr>;

namespace {

// What the call may do with an object that it found.
Found admit(WireCall& call, const ObjectPtr& found) {
    PV_TRY(call.access().check(found));
    return found;
}

} // namespace

Found look_up_uuid(WireCall& call, std::uint32_t kind, const Uuid& uuid, std::string_view name) {
    if (const ObjectPtr found = call.driver().registry().find_uuid(kind, uuid)) return admit(call, found);
    const char* noun = facts_of(kind).noun;
    const std::string text = uuid.to_string();
    return no_such_object(kind, call.driver().error_domain(),
                          name.empty() ? fmt::format("no {} with matching uuid '{}'", noun, text)
                                       : fmt::format("no {} with matching uuid '{}' ({})", noun, text, name));
}

Found look_up_name(WireCall& call, std::uint32_t kind, std::string_view name, const plugin::ObjectRef* parent) {
    const std::uint64_t inside = parent != nullptr ? parent->handle : 0;
    if (const ObjectPtr found = call.driver().registry().find_name(kind, inside, name)) return admit(call, found);
    return no_such_name(kind, call.driver().error_domain(), name);
}

Status check_active(WireCall& call, const plugin::ObjectRef& object) {
    if ((object.attrs & PV_ATTR_ACTIVE) != 0) return {};
    return make_error(ErrorCode::operation_invalid, error_domain_of(object.kind, call.driver().error_domain()), "{} '{}' is not active",
                      facts_of(object.kind).noun, object.name);
}

Found look_up(WireCall& call, const protocol::domain& wire) {
    return look_up_uuid(call, PV_KIND_DOMAIN, Uuid::from_bytes(wire.uuid.data()), wire.name.view());
}

Found look_up(WireCall& call, const protocol::network& wire) {
    return look_up_uuid(call, PV_KIND_NETWORK, Uuid::from_bytes(wire.uuid.data()), wire.name.view());
}

Found look_up(WireCall& call, const protocol::network_port& wire) {
    PV_ASSIGN_OR_RETURN(const ObjectPtr network, look_up(call, wire.net));
    const Uuid uuid = Uuid::from_bytes(wire.uuid.data());
    const ObjectPtr found = call.driver().registry().find_uuid(PV_KIND_NETWORK_PORT, uuid);
    if (found != nullptr && found->parent != nullptr && found->parent->handle == network->handle)
        return admit(call, found);
    return no_such_object(PV_KIND_NETWORK_PORT, call.driver().error_domain(),
                          fmt::format("Network port with UUID {} does not exist", uuid.to_string()));
}

Found look_up(WireCall& call, const protocol::interface& wire) {
    return look_up_name(call, PV_KIND_INTERFACE, wire.name.view());
}

Found look_up(WireCall& call, const protocol::storage_pool& wire) {
    return look_up_uuid(call, PV_KIND_POOL, Uuid::from_bytes(wire.uuid.data()), wire.name.view());
}

Found look_up(WireCall& call, const protocol::storage_vol& wire) {
    PV_ASSIGN_OR_RETURN(const ObjectPtr pool, look_up_name(call, PV_KIND_POOL, wire.pool.view()));
    PV_TRY(check_active(call, *pool));
    return look_up_name(call, PV_KIND_VOLUME, wire.name.view(), pool.get());
}

Found look_up(WireCall& call, const protocol::node_device& wire) {
    return look_up_name(call, PV_KIND_NODEDEV, wire.name.view());
}

Found look_up(WireCall& call, const protocol::nwfilter& wire) {
    return look_up_uuid(call, PV_KIND_NWFILTER, Uuid::from_bytes(wire.uuid.data()), wire.name.view());
}

Found look_up(WireCall& call, const protocol::nwfilter_binding& wire) {
    return look_up_name(call, PV_KIND_NWFILTER_BINDING, wire.portdev.view());
}

Found look_up(WireCall& call, const protocol::secret& wire) {
    return look_up_uuid(call, PV_KIND_SECRET, Uuid::from_bytes(wire.uuid.data()));
}

Found look_up(WireCall& call, const protocol::domain_snapshot& wire) {
    PV_ASSIGN_OR_RETURN(const ObjectPtr domain, look_up(call, wire.dom));
    return look_up_name(call, PV_KIND_SNAPSHOT, wire.name.view(), domain.get());
}

Found look_up(WireCall& call, const protocol::domain_checkpoint& wire) {
    PV_ASSIGN_OR_RETURN(const ObjectPtr domain, look_up(call, wire.dom));
    return look_up_name(call, PV_KIND_CHECKPOINT, wire.name.view(), domain.get());
}

namespace glue {

const pv_obj* found_or_error(WireCall& call, Result<plugin::ObjectPtr> found) {
    if (found) return call.pin(*found);
    call.set_error(std::move(found).error());
    return nullptr;
}

bool seen_anew(WireCall& call, std::uint32_t kind, std::uint64_t handle, ObjectPtr& to) {
    to = handle != 0 ? call.object(handle) : nullptr;
    if (to != nullptr) return true;
    const char* noun = facts_of(kind).noun;
    call.set_error(handle == 0 ? make_error(ErrorCode::internal_error, call.driver().error_domain(),
                                            "{} succeeded without naming the {}", call.proc().name, noun)
                               : no_such_object(kind, call.driver().error_domain(), fmt::format("the {} is gone again already", noun)));
    return false;
}

} // namespace glue

} // namespace polyvirt::dispatch
