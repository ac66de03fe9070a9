// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/error_reply.h"

#include <algorithm>
#include <cstring>

#include "host/rpc/wire_words.h"

namespace polyvirt::rpc {
namespace {

constexpr std::size_t kMaxText = 1 << 20; // the wire's limit of one string is four times that
constexpr std::uint32_t kLevelError = 2;

void add_u32(Buffer& to, std::uint32_t v) {
    const std::size_t at = to.size();
    to.resize(at + 4);
    put_u32(to.data() + at, v);
}

// An optional string; empty means absent unless `always`.
void add_text(Buffer& to, std::string_view text, bool always = false) {
    if (text.empty() && !always) return add_u32(to, 0);
    text = text.substr(0, std::min({text.size(), kMaxText, text.find('\0')}));
    add_u32(to, 1);
    add_u32(to, static_cast<std::uint32_t>(text.size()));
    const std::size_t at = to.size();
    to.resize(at + (text.size() + 3) / 4 * 4);
    std::memcpy(to.data() + at, text.data(), text.size());
}

Buffer packet_with_error(Header header, const Error& error) {
    Buffer out = plain_packet(header);
    out.reserve(128 + error.message.size());
    add_u32(out, static_cast<std::uint32_t>(error.code));
    add_u32(out, static_cast<std::uint32_t>(error.domain));
    add_text(out, error.message, true);
    add_u32(out, kLevelError);
    add_u32(out, 0); // dom
    add_text(out, error.str1);
    add_text(out, error.str2);
    add_text(out, error.str3);
    add_u32(out, static_cast<std::uint32_t>(error.int1));
    add_u32(out, static_cast<std::uint32_t>(error.int2));
    add_u32(out, 0); // net
    put_u32(out.data(), static_cast<std::uint32_t>(out.size()));
    return out;
}

} // namespace

void put_header(std::uint8_t* at, const Header& header) {
    put_u32(at, header.length);
    put_u32(at + 4, header.prog);
    put_u32(at + 8, header.vers);
    put_u32(at + 12, static_cast<std::uint32_t>(header.proc));
    put_u32(at + 16, static_cast<std::uint32_t>(header.type));
    put_u32(at + 20, header.serial);
    put_u32(at + 24, static_cast<std::uint32_t>(header.status));
}

Buffer plain_packet(Header header) {
    Buffer out(kHeaderBytes);
    header.length = kHeaderBytes;
    put_header(out.data(), header);
    return out;
}

Header header_for(const Header& call, MessageType type, MessageStatus status) {
    Header header = call;
    header.type = static_cast<std::int32_t>(type);
    header.status = static_cast<std::int32_t>(status);
    return header;
}

Buffer error_reply(const Header& call, const Error& error) {
    return packet_with_error(header_for(call, MessageType::reply, MessageStatus::error), error);
}

Buffer stream_error(const Header& call, const Error& error) {
    return packet_with_error(header_for(call, MessageType::stream, MessageStatus::error), error);
}

} // namespace polyvirt::rpc
