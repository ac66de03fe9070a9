// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/stream_bridge.h"

#include <algorithm>

#include "base/lock_rank.h"
#include "host/rpc/limits.h"

namespace polyvirt::dispatch {

std::shared_ptr<StreamBridge> StreamBridge::create(std::shared_ptr<rpc::Client> client,
                                                   std::shared_ptr<plugin::Instance> driver,
                                                   const protocol::Header& call,
                                                   const protocol::ProcInfo& proc, bool sparse) {
    const bool client_sends = proc.stream == protocol::StreamKind::write || proc.duplex;
    return std::make_shared<StreamBridge>(std::move(client), std::move(driver), call, client_sends, sparse);
}

StreamBridge::StreamBridge(std::shared_ptr<rpc::Client> client,
                           std::shared_ptr<plugin::Instance> driver, const protocol::Header& call,
                           bool client_sends, bool sparse)
    : client_(std::move(client)), driver_(std::move(driver)), call_(call), client_sends_(client_sends), sparse_(sparse) {}

void StreamBridge::open() {
    auto result = client_->open_stream(call_, shared_from_this(), {client_sends_, sparse_});
    const std::shared_ptr<rpc::Stream> opened = result ? *result : nullptr;
    std::shared_ptr<plugin::StreamReceiver> receiver;
    {
        LeafLock lock(mu_);
        stream_ = opened;
        if (opened != nullptr && !held_back_) return;
        receiver = receiver_;
    }
    if (receiver == nullptr) return;
    if (opened == nullptr) receiver->closed(PV_STREAM_BROKEN);
    else receiver->writable();
}

std::shared_ptr<rpc::Stream> StreamBridge::stream() const {
    LeafLock lock(mu_);
    return stream_;
}

void StreamBridge::on_data(rpc::PacketBuffer packet, std::span<const std::uint8_t> bytes) {
    {
        LeafLock lock(mu_);
        pieces_.push_back({std::move(packet), bytes, 0});
    }
    pump();
}

void StreamBridge::on_hole(std::int64_t length) {
    {
        LeafLock lock(mu_);
        pieces_.push_back({{}, {}, length});
    }
    pump();
}

void StreamBridge::on_end_of_data() {} // what it means, finish says again

void StreamBridge::on_finish() {
    {
        LeafLock lock(mu_);
        finish_wanted_ = true;
    }
    pump();
}

void StreamBridge::on_writable() {
    std::shared_ptr<plugin::StreamReceiver> receiver;
    {
        LeafLock lock(mu_);
        held_back_ = false;
        receiver = receiver_;
    }
    if (receiver != nullptr) receiver->writable();
}

void StreamBridge::on_closed(End end) {
    std::shared_ptr<plugin::StreamReceiver> receiver;
    std::deque<Piece> dropped; // freed with no lock held
    {
        LeafLock lock(mu_);
        receiver = std::move(receiver_);
        dropped.swap(pieces_);
        finish_wanted_ = false;
    }
    if (receiver == nullptr) return;
    receiver->closed(end == End::finished  ? PV_STREAM_FINISHED
                     : end == End::aborted ? PV_STREAM_ABORTED
                                           : PV_STREAM_BROKEN);
}

void StreamBridge::pump() {
    {
        LeafLock lock(mu_);
        again_ = true;
        if (pumping_) return; // whoever pumps sees again_
        pumping_ = true;
    }
    for (;;) {
        std::shared_ptr<plugin::StreamReceiver> receiver;
        std::shared_ptr<rpc::Stream> from;
        Piece piece;
        bool finish = false;
        {
            LeafLock lock(mu_);
            again_ = false;
            receiver = receiver_;
            from = stream_;
            if (receiver == nullptr || (pieces_.empty() && !finish_wanted_)) {
                pumping_ = false;
                return;
            }
            if (pieces_.empty()) {
                finish = true;
                finish_wanted_ = false;
            } else {
                piece = std::move(pieces_.front());
                pieces_.pop_front();
            }
        }
        if (finish) {
            receiver->finish_requested();
            continue;
        }
        const bool is_hole = piece.hole != 0;
        const std::size_t taken =
            is_hole ? (receiver->hole(piece.hole) ? 1 : 0) : receiver->data(std::as_bytes(piece.bytes));
        if (!is_hole && from != nullptr && taken > 0) from->consumed(taken);
        const bool all = is_hole ? taken == 1 : taken == piece.bytes.size();
        if (all) continue;
        LeafLock lock(mu_);
        if (!is_hole) piece.bytes = piece.bytes.subspan(taken);
        pieces_.push_front(std::move(piece));
        if (again_) continue; // resume() came while it refused
        pumping_ = false;
        return;
    }
}

void StreamBridge::set_receiver(std::shared_ptr<plugin::StreamReceiver> receiver) {
    LeafLock lock(mu_);
    receiver_ = std::move(receiver);
}

// Holds back in advance: on_writable() may come before send_data() has returned `wait`.
std::shared_ptr<rpc::Stream> StreamBridge::stream_to_send() {
    LeafLock lock(mu_);
    if (held_back_) return nullptr;
    held_back_ = true;
    return stream_;
}

void StreamBridge::writable() {
    LeafLock lock(mu_);
    held_back_ = false;
}

std::size_t StreamBridge::send(std::span<const std::byte> bytes) {
    if (*lock_rank::slot() != 0) { // data is not worth a copy: it is asked for again on the driver's loop
        in_order([this] { on_writable(); });
        return 0;
    }
    std::size_t sent = 0;
    while (sent < bytes.size()) {
        const std::shared_ptr<rpc::Stream> to = stream_to_send();
        if (to == nullptr) return sent;
        const std::size_t n = std::min(bytes.size() - sent, rpc::kMaxStreamPayload);
        const auto* from = reinterpret_cast<const std::uint8_t*>(bytes.data()) + sent;
        const auto result = to->send_data({from, n});
        if (result == rpc::Stream::Sent::closed) return sent;
        sent += n;
        if (result == rpc::Stream::Sent::more) writable();
    }
    return sent;
}

bool StreamBridge::send_hole(std::int64_t length) {
    if (*lock_rank::slot() != 0) {
        in_order([this] { on_writable(); });
        return false;
    }
    const std::shared_ptr<rpc::Stream> to = stream_to_send();
    if (to == nullptr) return false;
    const auto result = to->send_hole(length);
    if (result == rpc::Stream::Sent::more) writable();
    return result != rpc::Stream::Sent::closed;
}

void StreamBridge::send_eof() {
    in_order([this] {
        if (const auto to = stream()) to->send_eof();
    });
}

void StreamBridge::finish() {
    in_order([this] {
        if (const auto to = stream()) to->finish_ok();
    });
}

void StreamBridge::fail(const Error& error) {
    in_order([this, error] {
        if (const auto to = stream()) to->fail(error);
    });
}

void StreamBridge::resume() {
    in_order([this] { pump(); });
}

void StreamBridge::in_order(std::function<void()> f) {
    const bool holds_lock = *lock_rank::slot() != 0;
    {
        LeafLock lock(mu_);
        if (holds_lock || !deferred_.empty()) {
            deferred_.push_back(std::move(f));
            if (deferred_.size() > 1) return; // whoever runs the first sees this one too
        }
    }
    if (f != nullptr) return f();
    driver_->post([self = shared_from_this()] { self->run_deferred(); });
}

void StreamBridge::run_deferred() {
    for (;;) {
        std::function<void()>* next = nullptr;
        {
            LeafLock lock(mu_);
            if (deferred_.empty()) return;
            next = &deferred_.front(); // stays in place: others only append
        }
        (*next)();
        LeafLock lock(mu_);
        deferred_.pop_front();
    }
}

} // namespace polyvirt::dispatch
