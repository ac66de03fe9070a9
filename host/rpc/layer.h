// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Layer: what stands between a client's packets and its socket when these are not sent as they are:
// TLS, or the security layer of SASL. A client without one (null) is plain and pays nothing for it.
//
// decode() is called by rpc-loop, encode() by the connection's one writer, at the same time: a layer
// whose library cannot take that has a lock of its own, a leaf, for computing only. Neither makes
// system calls. Destroyed with the client, on any thread.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"
#include "host/rpc/message.h"

namespace polyvirt::rpc {

class Layer {
  public:
    using Bytes = std::span<const std::uint8_t>;
    // What was decoded, valid during the call; false: no more, please (the connection has ended).
    using Take = std::function<bool(Bytes)>;

    Layer() = default;
    virtual ~Layer() = default;
    Layer(const Layer&) = delete;
    Layer& operator=(const Layer&) = delete;

    // What came from the socket; incomplete units are kept, bounded by the layer's largest. False:
    // the other end said that nothing more comes.
    [[nodiscard]] virtual Result<bool> decode(Bytes wire, const Take& take) = 0;
    // Appends to `wire` what the other end is to get for `plain`, which has at most max_plain()
    // bytes.
    [[nodiscard]] virtual Status encode(Bytes plain, Buffer& wire) = 0;
    [[nodiscard]] virtual std::size_t max_plain() const = 0;
};

} // namespace polyvirt::rpc
