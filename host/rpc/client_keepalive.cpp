// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/client.h"

#include <algorithm>

#include <poll.h>

#include "host/rpc/error_reply.h"
#include "host/rpc/server_shared.h"

namespace polyvirt::rpc {
namespace {

constexpr auto kHangupCheck = std::chrono::seconds(1);
constexpr std::int32_t kPing = 1, kPong = 2;

OutputQueue::Chunk keepalive_chunk(std::int32_t procedure) {
    constexpr std::uint32_t kProgram = 0x6b656570;
    OutputQueue::Chunk chunk;
    chunk.kind = OutputQueue::Kind::event;
    chunk.own =
        plain_packet({.prog = kProgram, .vers = 1, .proc = procedure, .type = MsgType::message});
    return chunk;
}

} // namespace

void Client::keepalive_packet(const Header& header) {
    if (header.proc == kPing)
        send(keepalive_chunk(kPong));
}

void Client::tick() {
    const auto now = loop::Clock::now();
    switch (keepalive_.check(now)) {
    case Keepalive::Action::none:
        break;
    case Keepalive::Action::ping:
        send(keepalive_chunk(kPing));
        break;
    case Keepalive::Action::dead:
        return close("it answered none of our keepalive pings");
    }
    if (reading_paused_) {
        // Not reading, we would not see it leave.
        pollfd gone{loop_fd_, POLLRDHUP, 0};
        if (::poll(&gone, 1, 0) > 0 && (gone.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0)
            return end(log::Level::debug, "the client left");
        break_stalled_uploads(now);
    }
    arm_ticker();
}

// What arrives moves Keepalive::next() on without touching the timer, which then fires for nothing
// and is armed anew: one timer operation per interval instead of one per packet.
void Client::arm_ticker() {
    auto next = TimePoint::max();
    if (keepalive_.running())
        next = keepalive_.next();
    if (reading_paused_) {
        ClientLock lock(mu_);
        next = std::min(
            {next, upload_progress_ + limits_.stream_stall, loop::Clock::now() + kHangupCheck});
    }
    if (next == TimePoint::max())
        return ticker_.disarm();
    if (!ticker_)
        ticker_ = server_->loop.add_timer([self = shared_from_this()] { self->tick(); });
    const auto delay = next - loop::Clock::now();
    ticker_.arm(std::max<loop::Clock::duration>(delay, std::chrono::milliseconds(1)));
}

} // namespace polyvirt::rpc
