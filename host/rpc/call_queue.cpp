// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/call_queue.h"

namespace polyvirt::rpc {

CallQueue::Verdict CallQueue::admit(bool priority, std::size_t bytes, const Limits& limits,
                                    bool may_run) {
    const unsigned kind = priority ? 1 : 0;
    if (may_run && waiting_[kind].empty() && running_[kind] < limits.max_in_flight) {
        ++running_[kind];
        ++admitted_;
        return Verdict::run;
    }
    if (waiting() >= limits.max_queued || waiting_bytes_ + bytes > limits.max_queued_bytes)
        return Verdict::refuse;
    return Verdict::wait;
}

void CallQueue::push(bool priority, std::shared_ptr<Message> message) {
    ++admitted_;
    waiting_bytes_ += message->packet.size();
    waiting_[priority ? 1 : 0].push_back(std::move(message));
}

bool CallQueue::park(CallPlace& place, const Limits& limits) {
    if (parked_ >= limits.max_parked)
        return false;
    --running_[place.priority ? 1 : 0];
    ++parked_;
    place.parked = true;
    return true;
}

std::shared_ptr<Message> CallQueue::next(const Limits& limits, bool& priority) {
    for (const unsigned kind : {1U, 0U}) {
        if (waiting_[kind].empty() || running_[kind] >= limits.max_in_flight)
            continue;
        auto message = std::move(waiting_[kind].front());
        waiting_[kind].pop_front();
        waiting_bytes_ -= message->packet.size();
        ++running_[kind];
        priority = kind == 1;
        return message;
    }
    return nullptr;
}

CallPlace* CallQueue::occupy(bool priority, const Message& message) {
    if (free_ == nullptr) {
        places_.push_back(std::make_unique<CallPlace>());
        free_ = places_.back().get();
    }
    CallPlace* place = free_;
    free_ = place->next_free;
    place->header = message.header;
    place->arrived_ns = message.arrived_ns;
    place->priority = priority;
    place->used = true;
    place->parked = false;
    ++place->use;
    return place;
}

void CallQueue::ended(CallPlace& place) {
    --(place.parked ? parked_ : running_[place.priority ? 1 : 0]);
    place.used = false;
    place.shown.store(nullptr, std::memory_order_relaxed);
    place.next_free = free_;
    free_ = &place;
}

void CallQueue::look(std::vector<CallInFlight>& to) const {
    for (const auto& place : places_) {
        if (!place->used)
            continue;
        RunningCall* shown = place->shown.load(std::memory_order_acquire);
        to.push_back({.header = place->header,
                      .arrived_ns = place->arrived_ns,
                      .priority = place->priority,
                      .waiting = false,
                      .call = shown == nullptr ? nullptr : shown->pin()});
    }
    for (const bool priority : {true, false})
        for (const auto& message : waiting_[priority ? 1 : 0])
            to.push_back({.header = message->header,
                          .arrived_ns = message->arrived_ns,
                          .priority = priority,
                          .waiting = true,
                          .call = nullptr});
}

void CallQueue::drop_waiting(std::deque<std::shared_ptr<Message>>& dropped) {
    for (auto& queue : waiting_) {
        for (auto& message : queue)
            dropped.push_back(std::move(message));
        queue.clear();
    }
    waiting_bytes_ = 0;
}

} // namespace polyvirt::rpc
