// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/error_reply.h"

#include <algorithm>

#include "host/protocol/gen/types.h"
#include "host/protocol/xdr.h"

namespace polyvirt::rpc {
namespace {

constexpr std::size_t kMaxText = 1 << 20; // the wire's limit of one string is four times that
constexpr std::int32_t kLevelError = 2;

// Cut where the peer would cut it.
protocol::Str text_of(const std::string& text) {
    const std::size_t end = std::min({text.size(), kMaxText, text.find('\0')});
    return {text.data(), static_cast<std::uint32_t>(end)};
}
// Empty means absent.
protocol::Str optional_text(const std::string& text) {
    return text.empty() ? protocol::Str{} : text_of(text);
}

Buffer packet_with_error(const Header& header, const Error& error) {
    protocol::error wire;
    wire.code = static_cast<std::int32_t>(error.code);
    wire.domain = static_cast<std::int32_t>(error.domain);
    wire.message = text_of(error.message);
    wire.level = kLevelError;
    wire.str1 = optional_text(error.str1);
    wire.str2 = optional_text(error.str2);
    wire.str3 = optional_text(error.str3);
    wire.int1 = error.int1;
    wire.int2 = error.int2;
    protocol::Encoder encoder(protocol::begin_packet(header));
    encode(encoder, wire);
    Buffer packet = encoder.take();
    protocol::finish_packet(packet);
    return packet;
}

} // namespace

Buffer plain_packet(const Header& header) {
    Buffer packet = protocol::begin_packet(header, 0);
    protocol::finish_packet(packet);
    return packet;
}

Header header_for(const Header& call, MsgType type, MsgStatus status) {
    Header header = call;
    header.type = type;
    header.status = status;
    return header;
}

Buffer error_reply(const Header& call, const Error& error) {
    return packet_with_error(header_for(call, MsgType::reply, MsgStatus::error), error);
}

Buffer stream_error(const Header& call, const Error& error) {
    return packet_with_error(header_for(call, MsgType::stream, MsgStatus::error), error);
}

} // namespace polyvirt::rpc
