// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// OutputQueue: what is to be sent to one client, in order, with a count of bytes by kind, and of the
// memory that they hold: small packets take several times their own length. Not synchronised: guarded by the client's lock. Whoever sends takes views of the front, drops the
// lock for the system call and reports what went out; meanwhile others only add at the back.

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include <sys/uio.h>

#include "host/rpc/message.h"

namespace polyvirt::rpc {

class LayerOutput;
class Stream;

class OutputQueue {
  public:
    enum class Kind : std::uint8_t {
        reply,
        event, // also refusals and pongs: what the client can cause without limit
        stream,
    };
    struct Chunk {
        Kind kind = Kind::reply;
        Buffer own;          // either this ...
        SharedBuffer shared; // ... or this
        std::vector<UniqueFd> fds;
        std::shared_ptr<Stream> stream; // told when its bytes are out
        bool ends_plain = false;        // what follows it goes through the client's layer
        [[nodiscard]] std::span<const std::uint8_t> bytes() const {
            return shared ? std::span<const std::uint8_t>(*shared)
                          : std::span<const std::uint8_t>(own);
        }
    };
    // What one sendmsg() may carry: bytes, or one zero byte with a descriptor.
    struct Batch {
        std::array<iovec, 64> parts; // the first `count` are set
        unsigned count = 0;
        int fd = -1;     // the descriptor to pass
        // For the writer's use: the socket, what stands before it, and whether that kept bytes
        // which the socket did not take.
        int socket = -1;
        LayerOutput* through = nullptr;
        bool held = false;
        [[nodiscard]] std::size_t bytes() const {
            std::size_t sum = 0;
            for (unsigned i = 0; i < count; ++i)
                sum += parts[i].iov_len;
            return sum;
        }
    };

    void push(Chunk chunk);
    [[nodiscard]] bool empty() const { return chunks_.empty(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_[0] + bytes_[1] + bytes_[2]; }
    [[nodiscard]] std::size_t bytes(Kind kind) const { return bytes_[static_cast<unsigned>(kind)]; }
    // Of all that waits. What subscribers share counts in full for each of them.
    [[nodiscard]] std::size_t memory(Kind kind) const {
        return bytes(kind) + chunks_of_[static_cast<unsigned>(kind)] * kPerChunk;
    }
    static constexpr std::size_t kPerChunk = sizeof(Chunk) + sizeof(Buffer) + 6 * sizeof(void*);
    // The front, valid until sent() or clear().
    void front(Batch& batch) const;
    // `n` bytes of the batch went out (for a descriptor: its zero byte). Chunks that are complete
    // are moved to `done`, to be destroyed without the lock.
    void sent(std::size_t n, std::vector<Chunk>& done);
    void clear(std::vector<Chunk>& done);

  private:
    std::deque<Chunk> chunks_;
    std::size_t offset_ = 0;   // sent of the first chunk
    std::size_t fds_sent_ = 0; // of the first chunk
    std::array<std::size_t, 3> bytes_{}, chunks_of_{};
};

} // namespace polyvirt::rpc
