// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/stream_endpoint.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/assert.h"
#include "base/error_text.h"

namespace polyvirt::plugin {

std::shared_ptr<StreamEndpoint> StreamEndpoint::create(std::shared_ptr<StreamTransport> transport) {
    auto endpoint = std::make_shared<Endpoint>(transport);
    transport->set_receiver(endpoint);
    return endpoint;
}

// --- what the transport says, any thread ---

std::size_t Endpoint::data(std::span<const std::byte> bytes) {
    std::size_t taken = 0;
    {
        const LeafLock lock(mu_);
        if (over_) return bytes.size(); // nobody wants it any more
        taken = std::min(bytes.size(), kStreamBuffer - std::min(buffered_, kStreamBuffer));
        refused_ = taken < bytes.size();
        if (taken == 0) return 0;
        pieces_.push_back({std::string(reinterpret_cast<const char*>(bytes.data()), taken), 0});
        buffered_ += taken;
    }
    schedule();
    return taken;
}

bool Endpoint::hole(std::int64_t length) {
    {
        const LeafLock lock(mu_);
        if (over_) return true;
        // What waits behind another hole is one with it.
        if (!pieces_.empty() && pieces_.back().hole > 0 && length > 0 && length <= INT64_MAX - pieces_.back().hole) {
            pieces_.back().hole += length;
            return true;
        }
        // Holes cost nothing, so they are bounded by count, through what a piece takes.
        refused_ = buffered_ >= kStreamBuffer;
        if (refused_) return false;
        pieces_.push_back({{}, length});
        buffered_ += sizeof(Piece);
    }
    schedule();
    return true;
}

void Endpoint::writable() {
    {
        const LeafLock lock(mu_);
        room_ = true;
    }
    schedule();
}

void Endpoint::finish_requested() {
    {
        const LeafLock lock(mu_);
        finish_wanted_ = true;
    }
    schedule();
}

void Endpoint::closed(std::uint32_t why) { end(why); }

// --- what dispatch says ---

void Endpoint::opened() {
    std::unique_ptr<Error> failure;
    bool taken = false;
    {
        const LeafLock lock(mu_);
        opened_ = true;
        taken = driver_ != nullptr || over_; // over: the client left meanwhile, and what was taken is gone
        failure = std::move(failed_early_);
    }
    if (PV_BUG(!taken))
        failure = std::make_unique<Error>(make_error(ErrorCode::internal_error, ErrorDomain::streams,
                                                     "the driver opened a stream and did not take it"));
    if (failure) transport_->fail(*failure);
    schedule();
}

void Endpoint::abandon() {
    transport_->set_receiver(nullptr); // each holds the other
    end(PV_STREAM_BROKEN);
}

void Endpoint::end(std::uint32_t why) {
    {
        const LeafLock lock(mu_);
        if (over_) return;
        over_ = true;
        why_ = why;
        pieces_.clear();
        rest_.clear();
    }
    schedule();
}

// --- what the driver says, any thread ---

pv_status Endpoint::attach(const std::shared_ptr<Strand>& strand, std::unique_ptr<StreamDriver>& driver,
                           Census::Token token) {
    {
        const LeafLock lock(mu_);
        if (driver_ || opened_) return PV_ORDER;
        if (over_) return PV_GONE;
        strand_ = std::make_unique<Strand::User>(strand);
        driver_ = std::move(driver);
        token_ = std::move(token);
        self_ = std::static_pointer_cast<Endpoint>(shared_from_this());
    }
    return PV_OK;
}

bool Endpoint::ready_to_send() {
    const LeafLock lock(mu_);
    if (over_) return false;
    if (opened_ && rest_.empty() && !sending_) return true;
    tell_writable_ = true;
    return false;
}

pv_status Endpoint::send(std::span<const std::byte> bytes) {
    if (bytes.size() > kMaxSend) return PV_ABI;
    {
        const LeafLock lock(mu_);
        if (over_ || eof_) return PV_GONE;
        if (!opened_ || !rest_.empty() || sending_) {
            tell_writable_ = true;
            return PV_BUSY;
        }
        sending_ = true;
    }
    push_out(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    return PV_OK;
}

// By the one thread that set `sending_`. What the transport leaves waits in rest_ for its writable().
void Endpoint::push_out(std::string bytes) {
    std::size_t sent = 0;
    while (true) {
        {
            const LeafLock lock(mu_);
            room_ = false;
        }
        sent += transport_->send(std::as_bytes(std::span(bytes).subspan(sent)));
        const LeafLock lock(mu_);
        if (sent < bytes.size() && room_ && !over_) continue; // room came while we were at it
        sending_ = false;
        if (!over_) rest_ = bytes.substr(sent);
        break;
    }
}

pv_status Endpoint::send_hole(std::int64_t length) {
    {
        const LeafLock lock(mu_);
        if (over_ || eof_) return PV_GONE;
        if (!opened_ || !rest_.empty() || sending_) {
            tell_writable_ = true;
            return PV_BUSY;
        }
        room_ = false;
    }
    if (transport_->send_hole(length)) return PV_OK;
    const LeafLock lock(mu_);
    tell_writable_ = true;
    return PV_BUSY;
}

pv_status Endpoint::send_eof() {
    {
        const LeafLock lock(mu_);
        if (over_) return PV_GONE;
        if (std::exchange(eof_, true)) return PV_OK;
    }
    schedule(); // step() sends it, behind what is still waiting
    return PV_OK;
}

void Endpoint::resume() {
    {
        const LeafLock lock(mu_);
        driver_full_ = false;
    }
    schedule();
}

void Endpoint::finish() {
    {
        const LeafLock lock(mu_);
        if (driver_ != nullptr && !driver_->finished()) return;
    }
    confirm();
}

void Endpoint::fail(Error error) {
    {
        const LeafLock lock(mu_);
        if (over_) return;
        if (!opened_) {
            if (!failed_early_) failed_early_ = std::make_unique<Error>(std::move(error));
            return;
        }
    }
    transport_->fail(error);
}

pv_status Endpoint::progress(StreamProgress& progress) {
    const LeafLock lock(mu_);
    if (over_) return PV_GONE;
    const auto now = driver_ != nullptr ? driver_->progress() : std::nullopt; // it is there as long as the lock is held
    if (!now) return PV_ORDER;
    progress = *now;
    return PV_OK;
}

// --- the strand ---

void Endpoint::schedule() {
    loop::EventLoop* loop = nullptr;
    {
        const LeafLock lock(mu_);
        if (scheduled_ || !driver_ || !strand_ || (!opened_ && !over_)) return;
        scheduled_ = true;
        loop = &(*strand_)->loop();
    }
    loop->post([self = std::static_pointer_cast<Endpoint>(shared_from_this())] { self->step(); });
}

void Endpoint::step() {
    // Bounded, so that one busy stream leaves the loop to others.
    for (int i = 0; i < 16; ++i)
        if (!step_once()) return;
    {
        const LeafLock lock(mu_);
        scheduled_ = false;
    }
    schedule();
}

// One thing to do, or false (and no longer scheduled).
bool Endpoint::step_once() {
    StreamDriver* driver = nullptr;
    enum class Todo { open, close, flush, eof, writable, piece, finish } todo{};
    {
        const LeafLock lock(mu_);
        driver = driver_.get();
        if (over_) todo = Todo::close;
        else if (!std::exchange(opened_told_, true)) todo = Todo::open;
        else if (!rest_.empty() && room_ && !sending_) {
            todo = Todo::flush;
            sending_ = true;
        } else if (eof_ && rest_.empty() && !sending_ && opened_ && !eof_sent_) {
            todo = Todo::eof;
            eof_sent_ = true;
        } else if (tell_writable_ && rest_.empty() && !sending_) {
            todo = Todo::writable;
            tell_writable_ = false;
        } else if (!pieces_.empty() && !driver_full_) todo = Todo::piece;
        else if (pieces_.empty() && finish_wanted_) {
            todo = Todo::finish;
            finish_wanted_ = false;
        } else {
            scheduled_ = false;
            return false;
        }
    }
    switch (todo) {
    case Todo::open: driver->opened(); return true;
    case Todo::flush: {
        std::string bytes;
        {
            const LeafLock lock(mu_);
            bytes = std::move(rest_);
            rest_.clear();
        }
        push_out(std::move(bytes));
        return true;
    }
    case Todo::eof: transport_->send_eof(); return true;
    case Todo::writable: driver->writable(); return true;
    case Todo::piece: return deliver_piece();
    case Todo::finish: driver->finish(); return true;
    case Todo::close: break;
    }
    close_driver();
    return false;
}

bool Endpoint::deliver_piece() {
    StreamDriver* driver = nullptr;
    Piece piece;
    {
        const LeafLock lock(mu_);
        driver = driver_.get();
        if (pieces_.empty()) return true; // it ended meanwhile
        piece = std::move(pieces_.front());
        pieces_.pop_front();
        driver_full_ = true; // a resume() from inside data() is not lost
    }
    const bool is_hole = piece.hole != 0;
    std::size_t taken = piece.bytes.size();
    if (is_hole) static_cast<void>(driver->hole(piece.hole));
    else taken = std::min(driver->data(std::as_bytes(std::span(piece.bytes))), piece.bytes.size());
    bool resume = false;
    {
        const LeafLock lock(mu_);
        const bool all = taken == piece.bytes.size();
        if (all) driver_full_ = false;
        buffered_ -= std::min(buffered_, is_hole ? sizeof(Piece) : taken);
        if (!all && !over_) {
            piece.bytes.erase(0, taken);
            pieces_.push_front(std::move(piece));
        }
        if (refused_ && buffered_ <= kStreamBuffer / 2) {
            refused_ = false;
            resume = true;
        }
    }
    if (resume) transport_->resume();
    return true;
}

void Endpoint::close_driver() {
    std::unique_ptr<StreamDriver> driver;
    std::unique_ptr<Strand::User> strand;
    std::shared_ptr<Endpoint> self;
    Census::Token token;
    std::uint32_t why = 0;
    {
        const LeafLock lock(mu_);
        driver = std::move(driver_);
        strand = std::move(strand_);
        self = std::move(self_);
        token = std::move(token_);
        why = why_;
    }
    driver->closed(why);
    driver.reset(); // its release
}

} // namespace polyvirt::plugin
