// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Message: one packet as read from a client, whole, in one buffer that its handler owns and may
// write to (strings are decoded in place). Buffer: bytes to send.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/unique_fd.h"
#include "host/rpc/header.h"
#include "host/rpc/budget.h"
#include "host/rpc/limits.h"

namespace polyvirt::rpc {



class Client;

// Bytes of one or more whole packets, length words included.
using Buffer = std::vector<std::uint8_t>;
using SharedBuffer = std::shared_ptr<const Buffer>;

// Uninitialised, growing storage. Move-only.
class PacketBuffer {
  public:
    PacketBuffer() = default;
    [[nodiscard]] std::uint8_t* data() { return bytes_.get(); }
    [[nodiscard]] const std::uint8_t* data() const { return bytes_.get(); }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }
    [[nodiscard]] std::size_t room() const { return capacity_ - size_; }
    void reserve(std::size_t capacity);
    void append(const std::uint8_t* from, std::size_t n); // grows if it must
    void grew(std::size_t n) { size_ += n; }              // n bytes were written behind size()
    void clear();                                         // gives the storage back

  private:
    std::unique_ptr<std::uint8_t[]> bytes_;
    std::size_t size_ = 0, capacity_ = 0;
};

// One call's claim on its client's share of calls in flight. Whoever completes the call keeps it
// until the reply was handed to Client::reply(); destroying it (any thread, no client or server
// lock held) ends the call: the next queued one starts, and a client that has left can go.
class CallSlot {
  public:
    CallSlot() = default;
    CallSlot(std::shared_ptr<Client> client, bool priority);
    CallSlot(CallSlot&&) noexcept = default;
    CallSlot& operator=(CallSlot&& other) noexcept;
    ~CallSlot() { release(); }
    void release();
    explicit operator bool() const { return client_ != nullptr; }

  private:
    std::shared_ptr<Client> client_;
    bool priority_ = false;
};

struct Message {
    Header header;
    PacketBuffer packet;       // from the length word on
    std::vector<UniqueFd> fds; // as many as the packet announced
    BudgetShare budget;        // these bytes' part of the server's input budget
    CallSlot slot;             // last: released before nothing else of the message is needed

    // What follows the header; for call_with_fds what follows the number of descriptors.
    [[nodiscard]] std::span<std::uint8_t> payload();
};

} // namespace polyvirt::rpc
