// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A client that speaks the wire without the client library, whose own cost would hide the daemon's.
// Blocking open, then non-blocking calls. One thread.

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "host/protocol/message.h"
#include "host/protocol/xdr.h"

namespace polyvirt::bench {

class RawClient {
  public:
    // Connects; exits the program with a message if it cannot.
    explicit RawClient(const std::string& path);

    // auth_list and connect_open, each waited for.
    void open(const std::string& uri);
    void close_connection(); // connect_close and the daemon's end of file
    // One call, waited for; the payload of its reply. Exits on an error reply.
    std::vector<std::uint8_t> call(std::int32_t proc, std::vector<std::uint8_t> payload = {});

    // Queues a call without waiting and sends it. Returns its serial.
    std::uint32_t send(std::int32_t proc, const std::vector<std::uint8_t>& payload);
    // Reads what is there; calls `on_packet(header, payload)` for each whole packet, whose payload is a span that
    // lives as long as the call. False: end of file.
    template <typename F> bool receive(const F& on_packet);

    [[nodiscard]] int fd() const { return fd_.get(); }

  private:
    bool fill();

    UniqueFd fd_;
    std::uint32_t serial_ = 0;
    std::vector<std::uint8_t> in_;
    std::size_t used_ = 0;
};

template <typename F> bool RawClient::receive(const F& on_packet) {
    if (!fill()) return false;
    std::size_t at = 0;
    while (used_ - at >= protocol::kMinPacket) {
        const std::uint32_t length = protocol::load_be32(in_.data() + at);
        if (used_ - at < length) break;
        on_packet(protocol::read_header(in_.data() + at + 4),
                  std::span<const std::uint8_t>(in_.data() + at + protocol::kMinPacket, length - protocol::kMinPacket));
        at += length;
    }
    if (at > 0) {
        std::memmove(in_.data(), in_.data() + at, used_ - at);
        used_ -= at;
    }
    return true;
}

} // namespace polyvirt::bench
