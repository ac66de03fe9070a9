// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/event_codec.h"

#include <unordered_map>

#include "host/dispatch/event_support.h"
#include "host/protocol/gen/remote.h"

namespace polyvirt::dispatch {
namespace {

// The one message that is no object's event and has no callback id, so that it is sent the old way.
constexpr std::int32_t kClosed = static_cast<std::int32_t>(protocol::remote::Proc::connect_event_connection_closed);
constexpr EventMessage kConnectionClosed = {
    protocol::remote::kProgram, PV_KIND_NONE, PV_EVENT_CONNECTION_CLOSED, kClosed, kClosed, 0, "connection.closed",
    [](const pv_event& event, protocol::Encoder& body) {
        pv_event_connection_closed p{};
        if (!glue::payload_of(event, p)) return false;
        body.put(p.reason);
        return true;
    }};

} // namespace

const EventMessage* find_event_message(std::uint32_t kind, std::int32_t event_id) {
    const auto key_of = [](std::uint32_t k, std::int32_t id) {
        return std::uint64_t{k} << 32 | static_cast<std::uint32_t>(id);
    };
    static const auto kIndex = [&] {
        std::unordered_map<std::uint64_t, const EventMessage*> index;
        index.emplace(key_of(PV_KIND_NONE, PV_EVENT_CONNECTION_CLOSED), &kConnectionClosed);
        for (const EventMessage& m : event_messages()) index.emplace(key_of(m.kind, m.event_id), &m);
        return index;
    }();
    const auto found = kIndex.find(key_of(kind, event_id));
    return found != kIndex.end() ? found->second : nullptr;
}

bool encode_event(const pv_event& event, protocol::Encoder& body) {
    const EventMessage* message = find_event_message(event.kind, event.id);
    return message != nullptr && message->encode(event, body);
}

} // namespace polyvirt::dispatch
