// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/client.h"

#include "base/error_text.h"
#include "host/rpc/error_reply.h"
#include "host/rpc/server_shared.h"

namespace polyvirt::rpc {

void Client::take_call(const Header& header, PacketBuffer packet, std::vector<UniqueFd> fds) {
    if (server_->stopping.load(std::memory_order_acquire))
        return refuse(header, "the daemon is stopping");
    const bool priority = server_->handler.is_priority(header);
    Message message;
    message.header = header;
    message.arrived_ns = server_->loop.busy_since_ns();
    message.packet = std::move(packet);
    message.fds = std::move(fds);
    CallQueue::Verdict verdict{};
    CallPlace* place = nullptr;
    {
        ClientLock lock(mu_);
        const bool held = output_high();
        verdict = calls_.admit(priority, message.packet.size(), limits_, !held);
        if (held)
            calls_held_ = true;
        if (verdict == CallQueue::Verdict::wait)
            calls_.push(priority, std::make_shared<Message>(std::move(message)));
        else if (verdict == CallQueue::Verdict::run)
            place = calls_.occupy(priority, message);
    }
    if (verdict == CallQueue::Verdict::wait)
        return;
    if (verdict == CallQueue::Verdict::refuse)
        return refuse(header, "too many calls of this connection wait already");
    const auto self = shared_from_this();
    message.slot = CallSlot(self, *place);
    if (quick_left_ != 0 && server_->handler.answer_quickly(self, message))
        --quick_left_;
    else
        hand_to_worker(std::make_shared<Message>(std::move(message)), priority);
}

// The call is counted as running, and its slot is there.
void Client::hand_to_worker(std::shared_ptr<Message> message, bool priority) {
    const bool taken = server_->pool.submit(
        [message] {
            const auto client = message->slot.client();
            client->server_->handler.handle_call(client, std::move(*message));
        },
        priority);
    if (taken)
        return;
    // Not through the slot: it would start the next waiting call from in here, and so on.
    CallPlace& place = message->slot.forget();
    refuse(message->header, "too many calls wait in the daemon");
    {
        ClientLock lock(mu_);
        calls_.ended(place);
    }
    say_goodbye_if_idle();
    server_->progress();
}

void Client::refuse(const Header& header, std::string_view why) {
    OutputQueue::Chunk chunk;
    chunk.kind = OutputQueue::Kind::event; // a client causes these without limit
    chunk.own = error_reply(header, make_error(ErrorCode::resource_busy, ErrorDomain::rpc,
                                               "call {} of program {:#x}: {}", header.serial,
                                               header.prog, why));
    send(std::move(chunk));
}

void Client::park_call(const CallSlot& slot) {
    bool waiting = false;
    {
        ClientLock lock(mu_);
        CallPlace& place = *slot.place_;
        // It may have ended, and its place be another's.
        if (!place.used || place.use != slot.use_ || place.parked || !calls_.park(place, limits_))
            return;
        waiting = calls_.waiting() != 0;
    }
    if (waiting)
        start_waiting_calls();
}

void Client::end_call(CallPlace& place) {
    bool waiting = false, torn_down = false;
    {
        ClientLock lock(mu_);
        calls_.ended(place);
        waiting = calls_.waiting() != 0;
        torn_down = torn_down_;
    }
    if (waiting)
        start_waiting_calls();
    if (torn_down)
        say_goodbye_if_idle();
    server_->progress();
}

void Client::start_waiting_calls() {
    for (;;) {
        std::shared_ptr<Message> next;
        bool priority = false;
        CallPlace* place = nullptr;
        {
            ClientLock lock(mu_);
            calls_held_ = output_high();
            if (!calls_held_)
                next = calls_.next(limits_, priority);
            if (next)
                place = calls_.occupy(priority, *next);
        }
        if (!next)
            return;
        next->slot = CallSlot(shared_from_this(), *place);
        hand_to_worker(std::move(next), priority);
    }
}

} // namespace polyvirt::rpc
