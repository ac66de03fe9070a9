// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/event_support.h"

#include <charconv>
#include <cstddef>
#include <string_view>

#include "host/protocol/gen/types.h"

namespace polyvirt::dispatch::glue {
namespace {

using protocol::Encoder;

protocol::Str name_of(const pv_event& event) {
    return protocol::to_str(event.name != nullptr ? std::string_view(event.name) : std::string_view());
}

template <typename Wire> void put_name_and_uuid(Encoder& encoder, const pv_event& event) {
    Wire to{};
    to.name = name_of(event);
    std::memcpy(to.uuid.data(), event.uuid, to.uuid.size());
    encode(encoder, to);
}

std::string_view key_of(const pv_event& event, std::string_view name) {
    if (event.size < offsetof(pv_event, nkeys) + sizeof event.nkeys) return {}; // built before there were keys
    for (std::uint32_t i = 0; i < event.nkeys; ++i)
        if (event.keys[i].name == name) return event.keys[i].value;
    return {};
}

} // namespace

bool put_text(Encoder& encoder, const char* text, const char* what) {
    if (text == nullptr) return false;
    encoder.str(protocol::to_str(text), protocol::limit_string, what);
    return true;
}

void put_opt_text(Encoder& encoder, const char* text, const char* what) {
    encoder.put(std::uint32_t{text != nullptr ? 1U : 0U});
    if (text != nullptr) encoder.str(protocol::to_str(text), protocol::limit_string, what);
}

bool put_params(Encoder& encoder, const pv_param* params, std::uint32_t n, std::uint32_t limit,
                const char* what) {
    if (n > 0 && params == nullptr) return false;
    encoder.count(n, limit, what);
    for (std::uint32_t i = 0; i < n && !encoder.failed(); ++i) {
        const pv_param& p = params[i];
        if (!put_text(encoder, p.field, what)) return false;
        encoder.put(p.type);
        switch (p.type) {
        case PV_PARAM_INT: encoder.put(p.v.i); break;
        case PV_PARAM_UINT: encoder.put(p.v.ui); break;
        case PV_PARAM_LLONG: encoder.put(p.v.l); break;
        case PV_PARAM_ULLONG: encoder.put(p.v.ul); break;
        case PV_PARAM_DOUBLE: encoder.put(p.v.d); break;
        case PV_PARAM_BOOLEAN: encoder.put(p.v.b); break;
        case PV_PARAM_STRING:
            if (!put_text(encoder, p.v.s, what)) return false;
            break;
        default: return false;
        }
    }
    return true;
}

void put_domain(Encoder& encoder, const pv_event& event) {
    protocol::domain to{};
    to.name = name_of(event);
    std::memcpy(to.uuid.data(), event.uuid, to.uuid.size());
    to.id = event.dom_id;
    encode(encoder, to);
}

void put_network(Encoder& encoder, const pv_event& event) { put_name_and_uuid<protocol::network>(encoder, event); }

void put_pool(Encoder& encoder, const pv_event& event) { put_name_and_uuid<protocol::storage_pool>(encoder, event); }

void put_nodedev(Encoder& encoder, const pv_event& event) { encode(encoder, protocol::node_device{name_of(event)}); }

void put_secret(Encoder& encoder, const pv_event& event) {
    protocol::secret to{};
    std::memcpy(to.uuid.data(), event.uuid, to.uuid.size());
    const std::string_view type = key_of(event, "usage-type");
    std::from_chars(type.data(), type.data() + type.size(), to.usageType); // absent: 0, no use
    to.usageID = protocol::to_str(key_of(event, "usage-id"));
    encode(encoder, to);
}

} // namespace polyvirt::dispatch::glue
