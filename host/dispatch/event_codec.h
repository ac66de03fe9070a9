// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Events on the wire: from pv_event to the body of its message. The table of messages is generated
// (gen/event_codec.cpp).

#include <cstdint>
#include <span>

#include <polyvirt/abi/event.h>

#include "host/protocol/xdr.h"

namespace polyvirt::dispatch {

// Everything of the message behind the callback id. False: unknown (kind, id), or a payload that is
// missing or too short.
bool encode_event(const pv_event& event, protocol::Encoder& body);

struct EventMessage {
    std::uint32_t program;
    std::uint32_t kind;
    std::int32_t event_id;
    std::int32_t old_proc; // 0: none
    std::int32_t new_proc;
    // The old message's body is the new one's without so many bytes at its beginning.
    std::uint32_t old_skip;
    const char* name; // "domain.lifecycle"
    bool (*encode)(const pv_event& event, protocol::Encoder& body);
};
// Null: no such event.
const EventMessage* find_event_message(std::uint32_t kind, std::int32_t event_id);
// All of them (generated).
std::span<const EventMessage> event_messages();

} // namespace polyvirt::dispatch
