// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// LayerOutput: sends batches of an OutputQueue through a Layer. Used by one thread at a time, the
// connection's writer (during a TLS handshake: rpc-loop). What was encoded and not taken by the
// socket stays here, at most kPiece bytes of plain text and what the layer adds to them.

#include "host/rpc/layer.h"
#include "host/rpc/output_queue.h"

namespace polyvirt::rpc {

class LayerOutput {
  public:
    static constexpr std::size_t kPiece = std::size_t{64} << 10;

    explicit LayerOutput(Layer& layer) : layer_(layer) {}

    // As sendmsg(): how many bytes of the batch were taken over, or -1 and errno (EPROTO: the layer
    // failed). Taken over is not sent: see left(). A batch of nothing sends what was left.
    [[nodiscard]] ssize_t send(const OutputQueue::Batch& batch);
    // Bytes that are on their way already, e.g. those of a handshake.
    void append(Layer::Bytes wire) { wire_.insert(wire_.end(), wire.begin(), wire.end()); }
    // False: the socket takes no more for now, or has failed (errno tells).
    [[nodiscard]] bool flush(int socket);
    [[nodiscard]] std::size_t left() const { return wire_.size() - sent_; }

  private:
    bool encode_from(const OutputQueue::Batch& batch, std::size_t& taken);

    Layer& layer_;
    Buffer wire_;
    std::size_t sent_ = 0;
};

} // namespace polyvirt::rpc
