// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The packet of a successful reply, from its header to its length.

#include <cstdint>
#include <vector>

#include "host/protocol/message.h"
#include "host/protocol/xdr.h"

namespace polyvirt::dispatch {

// With descriptors the payload begins with their number.
inline protocol::Encoder begin_reply(const protocol::Header& call, std::uint32_t fds) {
    protocol::Header h = call;
    h.type = fds > 0 ? protocol::MsgType::reply_with_fds : protocol::MsgType::reply;
    h.status = protocol::MsgStatus::ok;
    protocol::Encoder encoder(protocol::begin_packet(h));
    if (fds > 0) encoder.put(fds);
    return encoder;
}

inline std::vector<std::uint8_t> finish(protocol::Encoder&& encoder) {
    std::vector<std::uint8_t> packet = encoder.take();
    protocol::finish_packet(packet);
    return packet;
}

} // namespace polyvirt::dispatch
