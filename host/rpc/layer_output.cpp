// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/layer_output.h"

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>

#include "base/log.h"

namespace polyvirt::rpc {

ssize_t LayerOutput::send(const OutputQueue::Batch& batch) {
    if (!flush(batch.socket))
        return -1;
    const std::size_t whole = batch.bytes();
    std::size_t taken = 0;
    while (taken < whole) {
        if (!encode_from(batch, taken)) {
            errno = EPROTO;
            return -1;
        }
        if (!flush(batch.socket)) {
            if (errno != EAGAIN)
                return -1;
            break;
        }
    }
    return static_cast<ssize_t>(taken);
}

// The next piece of the batch, from byte `taken` on.
bool LayerOutput::encode_from(const OutputQueue::Batch& batch, std::size_t& taken) {
    std::size_t skip = taken, room = kPiece;
    for (unsigned i = 0; i < batch.count && room != 0; ++i) {
        const iovec& part = batch.parts[i];
        if (skip >= part.iov_len) {
            skip -= part.iov_len;
            continue;
        }
        Layer::Bytes plain(static_cast<const std::uint8_t*>(part.iov_base) + skip,
                           part.iov_len - skip);
        skip = 0;
        while (!plain.empty() && room != 0) {
            const auto piece = plain.first(std::min({plain.size(), room, layer_.max_plain()}));
            if (const Status status = layer_.encode(piece, wire_); !status) {
                log::warning("rpc", "cannot encode what a client is to get: {}",
                             status.error().message);
                return false;
            }
            plain = plain.subspan(piece.size());
            room -= piece.size();
            taken += piece.size();
        }
    }
    return true;
}

bool LayerOutput::flush(int socket) {
    while (left() != 0) {
        const ssize_t n =
            ::send(socket, wire_.data() + sent_, left(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        sent_ += static_cast<std::size_t>(n);
    }
    sent_ = 0;
    // An idle connection keeps none of it.
    if (wire_.capacity() > kPiece)
        Buffer().swap(wire_);
    else
        wire_.clear();
    return true;
}

} // namespace polyvirt::rpc
