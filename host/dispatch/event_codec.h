// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Events on the wire. Generated from the tables (gen/event_codec.cpp).

#include <cstdint>

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
};
// Null: no such event.
const EventMessage* find_event_message(std::uint32_t kind, std::int32_t event_id);

} // namespace polyvirt::dispatch
