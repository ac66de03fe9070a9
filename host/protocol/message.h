// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The frame around every packet (tables/framing.md): length word, six words of header.

#include <cstdint>
#include <cstring>
#include <vector>

#include "host/protocol/endian.h"

namespace polyvirt::protocol {

enum class MsgType : std::int32_t {
    call = 0,
    reply = 1,
    message = 2,
    stream = 3,
    call_with_fds = 4,
    reply_with_fds = 5,
    stream_hole = 6
};
enum class MsgStatus : std::int32_t { ok = 0, error = 1, continue_ = 2 };

inline constexpr std::uint32_t kLengthBytes = 4;
inline constexpr std::uint32_t kHeaderBytes = 24;
inline constexpr std::uint32_t kMinPacket = kLengthBytes + kHeaderBytes;
inline constexpr std::uint32_t kMaxPacket = 33'554'436; // message_max + length word
inline constexpr std::uint32_t kMaxStreamData = 262'120;
inline constexpr std::uint32_t kMaxFds = 32;

// As on the wire: `type` and `status` may hold any number.
struct Header {
    std::uint32_t prog = 0, vers = 0;
    std::int32_t proc = 0;
    MsgType type = MsgType::call;
    std::uint32_t serial = 0;
    MsgStatus status = MsgStatus::ok;
    bool operator==(const Header&) const = default;
};

// `at`: 24 bytes behind the length word.
inline Header read_header(const std::uint8_t* at) {
    Header h;
    h.prog = load_be32(at);
    h.vers = load_be32(at + 4);
    h.proc = static_cast<std::int32_t>(load_be32(at + 8));
    h.type = static_cast<MsgType>(load_be32(at + 12));
    h.serial = load_be32(at + 16);
    h.status = static_cast<MsgStatus>(load_be32(at + 20));
    return h;
}

inline void write_header(std::uint8_t* at, const Header& h) {
    store_be32(at, h.prog);
    store_be32(at + 4, h.vers);
    store_be32(at + 8, static_cast<std::uint32_t>(h.proc));
    store_be32(at + 12, static_cast<std::uint32_t>(h.type));
    store_be32(at + 16, h.serial);
    store_be32(at + 20, static_cast<std::uint32_t>(h.status));
}

// A packet in the making: begin with the header, append the payload (Encoder), finish with the
// length.
inline std::vector<std::uint8_t> begin_packet(const Header& h, std::size_t expect = 228) {
    std::vector<std::uint8_t> packet;
    packet.reserve(kMinPacket + expect);
    packet.resize(kMinPacket);
    write_header(packet.data() + kLengthBytes, h);
    return packet;
}

inline void finish_packet(std::vector<std::uint8_t>& packet) {
    store_be32(packet.data(), static_cast<std::uint32_t>(packet.size()));
}

} // namespace polyvirt::protocol
