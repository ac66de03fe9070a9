// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// EventDispatcher: the `events` thread. Drivers post (host.event/1), it hands what was posted to the
// EventSink, which dispatch implements, in order of the posts and with no lock held.
//
// What waits has a budget for each driver, in bytes of memory. A driver that posts faster than its subscribers can
// be told loses what does not fit, and goes on losing until half of its budget is free; the others lose nothing.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include <polyvirt/abi/event.h>

#include "base/uuid.h"

namespace polyvirt::plugin {

class Instance;

// One driver's part of what waits. The driver's instance owns it; only the dispatcher writes it, under its lock.
struct EventAccount {
    std::atomic<std::uint64_t> bytes{0}, dropped{0};
    std::atomic<bool> full{false}; // nothing is taken
    // The log hears of a storm, and of what it cost when it is over, but not of each that follows soon.
    bool told = false;
    std::uint64_t untold = 0; // dropped since it last heard
    std::chrono::steady_clock::time_point tell_next{};
};

// What EventSink::encode() makes of an event, and the memory that it takes.
struct EncodedEvent {
    std::shared_ptr<const void> data;
    std::size_t bytes = 0;
};

// An event on its way. `encoded` is what EventSink::encode() made.
struct QueuedEvent {
    std::shared_ptr<Instance> instance;
    std::uint32_t kind = PV_KIND_NONE;
    std::int32_t id = 0, dom_id = -1;
    std::uint64_t object = 0;
    Uuid uuid;
    std::string name;
    std::shared_ptr<const void> encoded;
    std::uint64_t serial = 0; // rises from post to post, over all queues
    EventAccount* account = nullptr; // of `instance`
    std::size_t bytes = 0;           // what it counts there
};

// Implemented by dispatch; outlives the dispatcher.
class EventSink {
  public:
    virtual ~EventSink() = default;
    // In post(): any thread, leaf (the driver may hold its locks), bounded time. Copies what it needs of
    // `event` (all of it is checked but the payload's contents) into `encoded`. PV_OK and null: nobody
    // wants it, it is dropped. PV_ABI: the id is unknown or the payload too short.
    virtual pv_status encode(const Instance& instance, const pv_event& event,
                             EncodedEvent& encoded) noexcept = 0;
    // Whether a subscriber would be told now. Any thread; leaf.
    virtual bool wanted(const Instance& /*instance*/, std::uint32_t /*kind*/, std::int32_t /*id*/) const noexcept {
        return true;
    }
    // On the events thread, no lock held, in order. Must not wait for a client.
    virtual void deliver(std::span<const QueuedEvent> batch) noexcept = 0;
};

class EventDispatcher {
  public:
    // Starts the thread.
    explicit EventDispatcher(EventSink& sink);
    // Delivers what is queued, then joins the thread.
    ~EventDispatcher();
    EventDispatcher(const EventDispatcher&) = delete;
    EventDispatcher& operator=(const EventDispatcher&) = delete;

    // Any thread; leaf. `account`: of the instance. PV_BUSY: its budget is used up, the event is dropped.
    pv_status post(const std::shared_ptr<Instance>& instance, EventAccount& account, const pv_event& event) noexcept;
    // Any thread; leaf.
    [[nodiscard]] bool wanted(const Instance& instance, std::uint32_t kind, std::int32_t id) const noexcept;
    // What may wait of one driver's events (one event may, however large). Any thread; leaf.
    void set_budget(std::size_t bytes);
    // Runs `f` on the events thread, after the events posted before and before those posted after. Any
    // thread; leaf. `f` must not wait for a client.
    void run(std::function<void()> f);
    // Returns when everything posted before has been delivered. Not from the events thread.
    void flush();
    [[nodiscard]] std::uint64_t posted() const;
    [[nodiscard]] std::uint64_t delivered() const;

  private:
    struct State;
    const std::unique_ptr<State> state_;
};

} // namespace polyvirt::plugin
