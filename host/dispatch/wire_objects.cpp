// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/wire_objects.h"

#include <charconv>

namespace polyvirt::dispatch {
namespace {

using plugin::ObjectRef;
using protocol::Str;

// A secondary key of the object, "" if it was published without.
std::string_view key_of(const ObjectRef& object, std::string_view name) {
    for (const auto& [key, value] : object.keys)
        if (key == name) return value;
    return {};
}

void put_uuid(const ObjectRef& object, std::array<std::uint8_t, 16>& to) { to = object.uuid.bytes; }

// What belongs to another object is never shown without it.
template <typename Wire> Wire parent_of(WireCall& call, const ObjectRef& object) {
    return object.parent != nullptr ? to_wire<Wire>(call, *object.parent) : Wire{.name = call.keep("")};
}

template <typename Wire> Wire name_and_uuid(WireCall& call, const ObjectRef& object) {
    Wire to{};
    to.name = call.keep(object.name);
    put_uuid(object, to.uuid);
    return to;
}

} // namespace

template <> protocol::network to_wire(WireCall& call, const ObjectRef& object) {
    return name_and_uuid<protocol::network>(call, object);
}

template <> protocol::network_port to_wire(WireCall& call, const ObjectRef& object) {
    protocol::network_port to{};
    to.net = parent_of<protocol::network>(call, object);
    put_uuid(object, to.uuid);
    return to;
}

template <> protocol::interface to_wire(WireCall& call, const ObjectRef& object) {
    return {call.keep(object.name), call.keep(key_of(object, "mac"))};
}

template <> protocol::storage_pool to_wire(WireCall& call, const ObjectRef& object) {
    return name_and_uuid<protocol::storage_pool>(call, object);
}

template <> protocol::storage_vol to_wire(WireCall& call, const ObjectRef& object) {
    return {call.keep(object.parent != nullptr ? object.parent->name : std::string()), call.keep(object.name),
            call.keep(key_of(object, "key"))};
}

template <> protocol::node_device to_wire(WireCall& call, const ObjectRef& object) {
    return {call.keep(object.name)};
}

template <> protocol::nwfilter to_wire(WireCall& call, const ObjectRef& object) {
    return name_and_uuid<protocol::nwfilter>(call, object);
}

template <> protocol::nwfilter_binding to_wire(WireCall& call, const ObjectRef& object) {
    return {call.keep(object.name), call.keep(key_of(object, "filter"))};
}

template <> protocol::secret to_wire(WireCall& call, const ObjectRef& object) {
    protocol::secret to{};
    put_uuid(object, to.uuid);
    const std::string_view type = key_of(object, "usage-type");
    std::from_chars(type.data(), type.data() + type.size(), to.usageType); // absent: 0, no use
    to.usageID = call.keep(key_of(object, "usage-id"));
    return to;
}

template <> protocol::domain_snapshot to_wire(WireCall& call, const ObjectRef& object) {
    return {call.keep(object.name), parent_of<protocol::domain>(call, object)};
}

template <> protocol::domain_checkpoint to_wire(WireCall& call, const ObjectRef& object) {
    return {call.keep(object.name), parent_of<protocol::domain>(call, object)};
}

} // namespace polyvirt::dispatch
