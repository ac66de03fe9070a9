// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/event_codec.h"

#include <unordered_map>

namespace polyvirt::dispatch {

const EventMessage* find_event_message(std::uint32_t kind, std::int32_t event_id) {
    const auto key_of = [](std::uint32_t k, std::int32_t id) {
        return std::uint64_t{k} << 32 | static_cast<std::uint32_t>(id);
    };
    static const auto kIndex = [&] {
        std::unordered_map<std::uint64_t, const EventMessage*> index;
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
