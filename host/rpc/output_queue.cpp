// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/output_queue.h"

#include "base/assert.h"

namespace polyvirt::rpc {
namespace {

// What goes with a descriptor, which must not share a packet's bytes: the peer reads those with a
// plain read(), and the kernel would drop the descriptor.
std::uint8_t g_descriptor_byte = 0;

} // namespace

void OutputQueue::push(Chunk chunk) {
    const auto kind = static_cast<unsigned>(chunk.kind);
    bytes_[kind] += chunk.bytes().size();
    ++chunks_of_[kind];
    chunks_.push_back(std::move(chunk));
}

void OutputQueue::front(Batch& batch) const {
    batch.count = 0;
    batch.fd = -1;
    std::size_t skip = offset_;
    for (const Chunk& chunk : chunks_) {
        const auto bytes = chunk.bytes().subspan(skip);
        skip = 0;
        if (bytes.empty() && batch.count == 0) { // the packet is out, its descriptors are not
            batch.fd = chunk.fds[fds_sent_].get();
            batch.parts[0] = {&g_descriptor_byte, 1};
            batch.count = 1;
            return;
        }
        // sendmsg() takes no writable memory, iovec merely cannot say so.
        batch.parts[batch.count++] = {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
        if (!chunk.fds.empty() || chunk.ends_plain || batch.count == batch.parts.size())
            return;
    }
}

void OutputQueue::sent(std::size_t n, std::vector<Chunk>& done) {
    while (n != 0) {
        PV_ASSERT(!chunks_.empty());
        Chunk& chunk = chunks_.front();
        const std::size_t left = chunk.bytes().size() - offset_;
        if (left == 0) { // the byte of a descriptor
            ++fds_sent_;
            --n;
        } else {
            const std::size_t now = n < left ? n : left;
            offset_ += now;
            bytes_[static_cast<unsigned>(chunk.kind)] -= now;
            n -= now;
        }
        if (offset_ == chunk.bytes().size() && fds_sent_ == chunk.fds.size()) {
            --chunks_of_[static_cast<unsigned>(chunk.kind)];
            done.push_back(std::move(chunk));
            chunks_.pop_front();
            offset_ = fds_sent_ = 0;
        }
    }
}

void OutputQueue::clear(std::vector<Chunk>& done) {
    for (Chunk& chunk : chunks_)
        done.push_back(std::move(chunk));
    chunks_.clear();
    offset_ = fds_sent_ = 0;
    bytes_ = chunks_of_ = {};
}

} // namespace polyvirt::rpc
