// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// PacketReader: cuts what a socket delivers into packets and their descriptors. Knows the framing,
// not the socket: it is fed with what one recvmsg() returned. Lives on rpc-loop inside its client.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "host/rpc/message.h"

namespace polyvirt::rpc {

class PacketReader {
  public:
    class Sink {
      public:
        virtual void on_packet(const Header& header, PacketBuffer packet,
                               std::vector<UniqueFd> fds, BudgetShare budget) = 0;
        // A packet that the server's input budget did not allow: read and thrown away.
        virtual void on_dropped(const Header& header) = 0;

      protected:
        ~Sink() = default;
    };

    explicit PacketReader(std::shared_ptr<Budget> budget) : budget_(std::move(budget)) {}

    // Longer packets are an error; the wire's limit unless set.
    void set_max_packet(std::uint32_t bytes) { max_packet_ = bytes; }

    // Where the next bytes of a packet that has begun may be written, so that long ones are not
    // copied twice; empty when none has begun or little is missing. Never more room than has
    // already arrived (or a small minimum), whatever the length word says.
    [[nodiscard]] std::span<std::uint8_t> direct_room();
    // `direct` bytes were written to direct_room(), then `bytes` follow; `fds` came with the last
    // byte of all (Linux ends a read at a descriptor). Calls the sink for each packet completed,
    // until `stop` is true. An error text: the connection cannot go on.
    [[nodiscard]] std::optional<std::string> feed(std::size_t direct,
                                                  std::span<const std::uint8_t> bytes,
                                                  std::vector<UniqueFd> fds, Sink& sink,
                                                  const bool& stop);
    // A packet has begun and is not complete.
    [[nodiscard]] bool in_packet() const { return stage_ != Stage::header || partial_.size() != 0; }

  private:
    enum class Stage { header, body, skipping, descriptors };
    using Bytes = std::span<const std::uint8_t>;

    std::optional<std::string> step(Bytes& bytes, std::vector<UniqueFd>& fds, Sink& sink);
    std::optional<std::string> take_header(Bytes& bytes);
    std::optional<std::string> begin(const std::uint8_t* at);
    std::optional<std::string> body_complete(Sink& sink);
    std::optional<std::string> take_descriptor(Bytes& bytes, std::vector<UniqueFd>& fds, Sink& sink);
    void take_body(Bytes& bytes);
    void skip_body(Bytes& bytes, Sink& sink);
    bool make_room(std::size_t more);
    void deliver(Sink& sink);
    void reset();

    const std::shared_ptr<Budget> budget_;
    std::uint32_t max_packet_ = kMaxPacketBytes;
    Stage stage_ = Stage::header;
    Header header_{};
    PacketBuffer partial_;
    BudgetShare share_;
    std::size_t skip_left_ = 0;
    std::uint32_t fds_due_ = 0;
    std::vector<UniqueFd> fds_;
};

} // namespace polyvirt::rpc
