// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// EventGate: whether a subscriber may hear of an event's object (`KIND.getattr`). Rules decide at once. Where
// polkit does, an event whose decision is not known yet is held back, and with it all that follow for the same
// client, so that their order stays; nobody else waits. Events thread.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>

#include "host/access/control.h"
#include "host/plugin/events.h"
#include "host/rpc/client.h"

namespace polyvirt::dispatch {

struct Subscription;

class EventGate {
  public:
    using Entry = std::shared_ptr<const Subscription>;
    enum class Pass : std::uint8_t { yes, no, later };
    // Of one client, which is cut off beyond them.
    static constexpr std::size_t kMaxHeld = 10'000, kMaxHeldBytes = std::size_t{8} << 20;

    // `deliver` sends what was held back.
    EventGate(const access::Control& control, std::function<void(const Entry&, const plugin::QueuedEvent&)> deliver)
        : control_(control), deliver_(std::move(deliver)) {}
    // Before the first event: how to run something on the events thread.
    void set_runner(std::function<void(std::function<void()>)> runner) { runner_ = std::move(runner); }

    // later: a copy is held, and delivered or dropped in its turn.
    Pass judge(const Entry& entry, const plugin::QueuedEvent& event, const access::Object& object);
    // No more events for the entry, for the client.
    void forget(const Entry& entry);
    void forget(const rpc::Client& client) { held_.erase(&client); }

  private:
    struct Held {
        Entry entry; // null: it was removed meanwhile
        plugin::QueuedEvent event;
    };
    struct Queue {
        std::deque<Held> items;
        std::size_t bytes = 0;   // what they hold
        std::uint64_t asked = 0; // the question about the first one
    };
    void hold(const Entry& entry, const plugin::QueuedEvent& event);
    static void pop(Queue& queue);
    void next(const rpc::Client* client);
    void answered(const rpc::Client* client, std::uint64_t question, bool yes);

    const access::Control& control_;
    const std::function<void(const Entry&, const plugin::QueuedEvent&)> deliver_;
    std::function<void(std::function<void()>)> runner_;
    std::unordered_map<const rpc::Client*, Queue> held_;
    std::uint64_t questions_ = 0;
};

} // namespace polyvirt::dispatch
