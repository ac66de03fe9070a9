// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Connections whose bytes go through a layer. A plain one meets this file in no call.
#include "host/rpc/client.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>

#include "base/assert.h"
#include "base/error_text.h"
#include "host/rpc/server_shared.h"

namespace polyvirt::rpc {

bool Client::read_through(Layer& layer) {
    auto& scratch = server_->scratch;
    const ssize_t n = ::recv(loop_fd_, scratch.data(), scratch.size(), MSG_DONTWAIT);
    if (n <= 0)
        return read_failed(n, errno);
    if (keepalive_.started())
        keepalive_.heard(loop::Clock::now());
    const auto got = static_cast<std::size_t>(n);
    decode(layer, {scratch.data(), got});
    return got == scratch.size();
}

void Client::decode(Layer& layer, Layer::Bytes wire) {
    const auto result = layer.decode(wire, [this](Layer::Bytes plain) {
        feed_decoded(plain);
        return !is_closed();
    });
    if (!result)
        close(result.error().message);
    else if (!*result)
        end(log::Level::debug, "the client left");
}

// Through the reader's own room, so that a long packet grows by doubling as it does on a plain
// connection.
void Client::feed_decoded(Layer::Bytes plain) {
    while (!plain.empty() && !is_closed()) {
        const auto room = reader_.direct_room();
        const std::size_t direct = std::min(room.size(), plain.size());
        if (direct != 0)
            std::memcpy(room.data(), plain.data(), direct);
        const auto rest = room.empty() ? plain : Layer::Bytes();
        if (const auto fault = reader_.feed(direct, rest, {}, *this))
            return close(fault);
        plain = room.empty() ? Layer::Bytes() : plain.subspan(direct);
    }
}

void Client::reply_then_layer(Buffer packet, std::unique_ptr<Layer> layer) {
    PV_ASSERT(!layer_.layer);
    layer_.layer = std::move(layer);
    layer_.out = std::make_unique<LayerOutput>(*layer_.layer);
    // Before the client can know: what it sends after the reply is encoded.
    layer_.reading.store(layer_.layer.get(), std::memory_order_release);
    OutputQueue::Chunk chunk;
    chunk.own = std::move(packet);
    chunk.ends_plain = true;
    send(std::move(chunk));
}

// ---- the TLS handshake: rpc-loop moves the bytes, a worker computes, never both at once.

void Client::handshake_ready(unsigned what) {
    if (layer_.computing)
        return;
    if ((what & loop::kWritable) != 0)
        flush_handshake();
    if ((what & loop::kReadable) != 0 && !is_closed()) {
        auto& scratch = server_->scratch;
        const ssize_t n = ::recv(loop_fd_, scratch.data(), scratch.size(), MSG_DONTWAIT);
        if (n <= 0) {
            read_failed(n, errno);
            return;
        }
        if (!layer_.handshake->feed({scratch.data(), static_cast<std::size_t>(n)}))
            return close("its TLS handshake is longer than allowed");
        layer_.computing = true;
        server_->compute_handshake(shared_from_this());
    }
    update_watch();
}

void Client::flush_handshake() {
    const bool all = layer_.out->flush(loop_fd_);
    const int error = errno;
    {
        ClientLock lock(mu_);
        blocked_ = !all;
    }
    if (!all && error != EAGAIN)
        end(log::Level::debug, "the client left");
}

void Client::handshake_computed(TlsSession::Progress progress) {
    layer_.computing = false;
    if (is_closed())
        return;
    layer_.out->append(layer_.handshake->take_output());
    flush_handshake();
    if (progress == TlsSession::Progress::failed)
        return close("the TLS handshake failed: " + layer_.handshake->failure());
    if (progress == TlsSession::Progress::done)
        return handshake_done();
    update_watch();
}

void Client::handshake_done() {
    TlsSession& tls = *std::exchange(layer_.handshake, nullptr);
    {
        ClientLock lock(mu_);
        identity_.x509_dname = tls.client_name();
        identity_.secret_bits = tls.secret_bits();
        held_ = layer_.out->left() != 0;
        handshaking_ = false;
    }
    if (auth_ == AuthMethod::none)
        set_authenticated({}, tls.client_name());
    // Clients wait for this byte: their certificate was accepted.
    OutputQueue::Chunk accepted;
    accepted.own = {1};
    send(std::move(accepted));
    reader_.set_max_packet(max_packet());
    decode(tls, {}); // what came together with the end of the handshake
    update();
}

} // namespace polyvirt::rpc
