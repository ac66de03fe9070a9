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
#include "host/protocol/message.h"
#include "host/rpc/budget.h"
#include "host/rpc/limits.h"

namespace polyvirt::rpc {

using protocol::Header;
using protocol::MsgStatus;
using protocol::MsgType;
// Length word and header.
inline constexpr std::uint32_t kHeadBytes = protocol::kMinPacket;
// Of one data packet of a stream.
inline constexpr std::size_t kMaxStreamPayload = protocol::kMaxStreamData;

class Client;
class RunningCall;
struct CallPlace;

// Bytes of one or more whole packets, length words included.
using Buffer = std::vector<std::uint8_t>;
using SharedBuffer = std::shared_ptr<const Buffer>;

// Uninitialised, growing storage, counted against a budget for as long as it lives. Move-only.
class PacketBuffer {
  public:
    PacketBuffer() = default;
    explicit PacketBuffer(std::shared_ptr<Budget> budget) : share_(std::move(budget)) {}
    PacketBuffer(PacketBuffer&& other) noexcept { *this = std::move(other); }
    PacketBuffer& operator=(PacketBuffer&& other) noexcept;
    [[nodiscard]] std::uint8_t* data() { return bytes_.get(); }
    [[nodiscard]] const std::uint8_t* data() const { return bytes_.get(); }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }
    [[nodiscard]] std::size_t room() const { return capacity_ - size_; }
    // False: the budget does not allow it, nothing has changed.
    [[nodiscard]] bool reserve(std::size_t capacity);
    void append(const std::uint8_t* from, std::size_t n); // n <= room()
    void grew(std::size_t n) { size_ += n; }              // n bytes were written behind size()

  private:
    BudgetShare share_;
    std::unique_ptr<std::uint8_t[]> bytes_;
    std::size_t size_ = 0, capacity_ = 0;
};

// One call's claim on its client's share of calls in flight. Whoever completes the call keeps it
// until the reply was handed to Client::reply(); destroying it (any thread, no client or server
// lock held) ends the call: the next queued one starts, and a client that has left can go.
class CallSlot {
  public:
    CallSlot() = default;
    CallSlot(std::shared_ptr<Client> client, CallPlace& place);
    CallSlot(CallSlot&& other) noexcept
        : client_(std::move(other.client_)), place_(other.place_), use_(other.use_) {}
    CallSlot& operator=(CallSlot&& other) noexcept;
    ~CallSlot() { release(); }
    void release();
    [[nodiscard]] const std::shared_ptr<Client>& client() const { return client_; }
    // The claim was given up otherwise; its place, which is still taken.
    CallPlace& forget();
    // From now until release() others may look at the call. `call` outlives that.
    void show(RunningCall& call);
    explicit operator bool() const { return client_ != nullptr; }

  private:
    friend class Client;
    std::shared_ptr<Client> client_;
    CallPlace* place_ = nullptr;
    std::uint64_t use_ = 0; // which use of the place
};

struct Message {
    CallSlot slot; // first, so that it is let go last, when the rest has been given back
    Header header;
    std::int64_t arrived_ns = 0; // steady clock, when rpc-loop turned to the client
    PacketBuffer packet;       // from the length word on
    std::vector<UniqueFd> fds; // as many as the packet announced

    // What follows the header; for call_with_fds what follows the number of descriptors.
    [[nodiscard]] std::span<std::uint8_t> payload();
};

} // namespace polyvirt::rpc
