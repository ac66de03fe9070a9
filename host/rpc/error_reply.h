// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The packets that rpc makes itself: error replies, stream packets, keepalive, busy.

#include "base/result.h"
#include "host/rpc/message.h"

namespace polyvirt::rpc {

// The reply with status error to `call`, all fields of `error` filled in, level 2.
[[nodiscard]] Buffer error_reply(const Header& call, const Error& error);
// The packet that ends a stream with an error.
[[nodiscard]] Buffer stream_error(const Header& call, const Error& error);

// The header of a packet that belongs to `call`.
[[nodiscard]] Header header_for(const Header& call, MsgType type, MsgStatus status);
// A packet of nothing but its header.
[[nodiscard]] Buffer plain_packet(const Header& header);

} // namespace polyvirt::rpc
