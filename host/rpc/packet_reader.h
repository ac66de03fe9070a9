// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// PacketReader: cuts what a socket delivers into packets and their descriptors. Knows the framing,
// not the socket: it is fed with what one recvmsg() returned. Lives on rpc-loop inside its client.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "host/rpc/message.h"

namespace polyvirt::rpc {

class PacketReader {
  public:
    class Sink {
      public:
        virtual void on_packet(const Header& header, PacketBuffer packet,
                               std::vector<UniqueFd> fds) = 0;
        // A packet that the server's input budget did not allow: read and thrown away.
        virtual void on_dropped(const Header& header) = 0;

      protected:
        ~Sink() = default;
    };
    // Why the connection cannot go on; null = it can.
    using Fault = const char*;

    explicit PacketReader(std::shared_ptr<Budget> budget) : budget_(std::move(budget)) {}

    // Longer packets are an error; the wire's limit unless set.
    void set_max_packet(std::uint32_t bytes) { max_packet_ = bytes; }

    // Where the next bytes of a packet that has begun may be written, so that long ones are not
    // copied twice; empty when none has begun. Never more room than as many bytes again as have
    // arrived (or a small minimum), whatever the length word says.
    [[nodiscard]] std::span<std::uint8_t> direct_room();
    // `direct` bytes were written to direct_room(), then `bytes` follow; `fds` came with the last
    // byte of all (Linux ends a read at a descriptor). Calls the sink for each packet completed.
    [[nodiscard]] Fault feed(std::size_t direct, std::span<const std::uint8_t> bytes,
                             std::vector<UniqueFd> fds, Sink& sink);
    // Forgets the packet that has begun.
    void reset();

  private:
    enum class Stage { head, body, skipping, descriptors };
    using Bytes = std::span<const std::uint8_t>;

    Fault take_head(Bytes& bytes);
    Fault begin();
    void take_body(Bytes& bytes);
    void skip_body(Bytes& bytes);
    Fault take_descriptor(Bytes& bytes, std::vector<UniqueFd>& fds);
    void body_complete();
    void deliver(Sink& sink);

    const std::shared_ptr<Budget> budget_;
    std::uint32_t max_packet_ = protocol::kMaxPacket;
    Stage stage_ = Stage::head;
    bool complete_ = false, dropped_ = false;
    // The header and, where one follows, the number of descriptors.
    std::array<std::uint8_t, 32> head_{};
    std::uint32_t head_have_ = 0, head_need_ = kHeadBytes;
    std::uint32_t length_ = 0;
    Header header_{};
    PacketBuffer packet_;
    std::size_t skip_left_ = 0;
    std::uint32_t fds_due_ = 0;
    std::vector<UniqueFd> fds_;
};

} // namespace polyvirt::rpc
