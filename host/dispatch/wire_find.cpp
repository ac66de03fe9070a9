// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// From the wire's names of objects to those of the registry, with the words for "there is none" that
// clients know.

#include "base/error_text.h"
#include "host/dispatch/glue_support.h"

namespace polyvirt::dispatch::glue {
namespace {

using plugin::ObjectPtr;

struct KindWords {
    ErrorCode none;
    ErrorDomain domain; // none: the driver's own
    const char* noun;
};

KindWords words_of(std::uint32_t kind) {
    switch (kind) {
    case PV_KIND_DOMAIN: return {ErrorCode::no_domain, ErrorDomain::none, "domain"};
    case PV_KIND_NETWORK: return {ErrorCode::no_network, ErrorDomain::network, "network"};
    case PV_KIND_NETWORK_PORT: return {ErrorCode::no_network_port, ErrorDomain::network, "network port"};
    case PV_KIND_INTERFACE: return {ErrorCode::no_interface, ErrorDomain::interface, "interface"};
    case PV_KIND_POOL: return {ErrorCode::no_storage_pool, ErrorDomain::storage, "storage pool"};
    case PV_KIND_VOLUME: return {ErrorCode::no_storage_vol, ErrorDomain::storage, "storage vol"};
    case PV_KIND_NODEDEV: return {ErrorCode::no_node_device, ErrorDomain::nodedev, "node device"};
    case PV_KIND_NWFILTER: return {ErrorCode::no_nwfilter, ErrorDomain::nwfilter, "nwfilter"};
    case PV_KIND_NWFILTER_BINDING:
        return {ErrorCode::no_nwfilter_binding, ErrorDomain::nwfilter, "nwfilter binding"};
    case PV_KIND_SECRET: return {ErrorCode::no_secret, ErrorDomain::secret, "secret"};
    case PV_KIND_SNAPSHOT: return {ErrorCode::no_domain_snapshot, ErrorDomain::none, "domain snapshot"};
    case PV_KIND_CHECKPOINT: return {ErrorCode::no_domain_checkpoint, ErrorDomain::none, "domain checkpoint"};
    default: return {ErrorCode::internal_error, ErrorDomain::none, "object"};
    }
}

template <typename... A>
const pv_obj* not_found(WireCall& call, std::uint32_t kind, fmt::format_string<A...> f, A&&... a) {
    const KindWords words = words_of(kind);
    const ErrorDomain domain = words.domain == ErrorDomain::none ? call.driver().error_domain() : words.domain;
    call.set_error(make_error(words.none, domain, f, std::forward<A>(a)...));
    return nullptr;
}

// What the call may do with an object that it found.
const pv_obj* admit(WireCall& call, const ObjectPtr& found) {
    Status allowed = call.access().check(found);
    if (allowed) return call.pin(found);
    call.set_error(std::move(allowed).error());
    return nullptr;
}

const pv_obj* by_uuid(WireCall& call, std::uint32_t kind, const std::array<std::uint8_t, 16>& uuid,
                      std::string_view name) {
    const Uuid key = Uuid::from_bytes(uuid.data());
    if (const ObjectPtr found = call.driver().registry().find_uuid(kind, key)) return admit(call, found);
    const char* noun = words_of(kind).noun;
    if (name.empty()) return not_found(call, kind, "no {} with matching uuid '{}'", noun, key.to_string());
    return not_found(call, kind, "no {} with matching uuid '{}' ({})", noun, key.to_string(), name);
}

const pv_obj* by_name(WireCall& call, std::uint32_t kind, const pv_obj* parent, std::string_view name) {
    const std::uint64_t inside = parent != nullptr ? parent->handle : 0;
    if (const ObjectPtr found = call.driver().registry().find_name(kind, inside, name)) return admit(call, found);
    return not_found(call, kind, "no {} with matching name '{}'", words_of(kind).noun, name);
}

} // namespace

const pv_obj* find(WireCall& call, const protocol::domain& wire) { return call.domain(wire); }

const pv_obj* find(WireCall& call, const protocol::network& wire) {
    return by_uuid(call, PV_KIND_NETWORK, wire.uuid, wire.name.view());
}

const pv_obj* find(WireCall& call, const protocol::network_port& wire) {
    if (find(call, wire.net) == nullptr) return nullptr;
    const Uuid uuid = Uuid::from_bytes(wire.uuid.data());
    const ObjectPtr found = call.driver().registry().find_uuid(PV_KIND_NETWORK_PORT, uuid);
    if (found != nullptr && found->parent != nullptr && found->parent->uuid == Uuid::from_bytes(wire.net.uuid.data()))
        return admit(call, found);
    return not_found(call, PV_KIND_NETWORK_PORT, "Network port with UUID {} does not exist", uuid.to_string());
}

const pv_obj* find(WireCall& call, const protocol::interface& wire) {
    return find_name(call, PV_KIND_INTERFACE, wire.name);
}

const pv_obj* find(WireCall& call, const protocol::storage_pool& wire) {
    return by_uuid(call, PV_KIND_POOL, wire.uuid, wire.name.view());
}

const pv_obj* find(WireCall& call, const protocol::storage_vol& wire) {
    const pv_obj* pool = by_name(call, PV_KIND_POOL, nullptr, wire.pool.view());
    return pool != nullptr ? by_name(call, PV_KIND_VOLUME, pool, wire.name.view()) : nullptr;
}

const pv_obj* find(WireCall& call, const protocol::node_device& wire) {
    return find_name(call, PV_KIND_NODEDEV, wire.name);
}

const pv_obj* find(WireCall& call, const protocol::nwfilter& wire) {
    return by_uuid(call, PV_KIND_NWFILTER, wire.uuid, wire.name.view());
}

const pv_obj* find(WireCall& call, const protocol::nwfilter_binding& wire) {
    const std::string_view port = wire.portdev.view();
    const ObjectPtr found = call.driver().registry().find_name(PV_KIND_NWFILTER_BINDING, 0, port);
    if (found != nullptr) return admit(call, found);
    return not_found(call, PV_KIND_NWFILTER_BINDING, "no nwfilter binding for port dev '{}'", port);
}

const pv_obj* find(WireCall& call, const protocol::secret& wire) {
    return by_uuid(call, PV_KIND_SECRET, wire.uuid, {});
}

const pv_obj* find(WireCall& call, const protocol::domain_snapshot& wire) {
    const pv_obj* domain = find(call, wire.dom);
    return domain != nullptr ? by_name(call, PV_KIND_SNAPSHOT, domain, wire.name.view()) : nullptr;
}

const pv_obj* find(WireCall& call, const protocol::domain_checkpoint& wire) {
    const pv_obj* domain = find(call, wire.dom);
    return domain != nullptr ? by_name(call, PV_KIND_CHECKPOINT, domain, wire.name.view()) : nullptr;
}

const pv_obj* find_name(WireCall& call, std::uint32_t kind, const Str& name) {
    if (kind != PV_KIND_INTERFACE) return by_name(call, kind, nullptr, name.view());
    if (const ObjectPtr found = call.driver().registry().find_name(kind, 0, name.view())) return admit(call, found);
    return not_found(call, kind, "couldn't find interface named '{}'", name.view());
}

bool seen_anew(WireCall& call, std::uint32_t kind, std::uint64_t handle, ObjectPtr& to) {
    to = handle != 0 ? call.object(handle) : nullptr;
    if (to != nullptr) return true;
    if (handle == 0) {
        call.set_error(make_error(ErrorCode::internal_error, call.driver().error_domain(),
                                  "{} succeeded without naming the {}", call.proc().name, words_of(kind).noun));
        return false;
    }
    not_found(call, kind, "the {} is gone again already", words_of(kind).noun);
    return false;
}

} // namespace polyvirt::dispatch::glue
