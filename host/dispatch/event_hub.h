// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// EventHub: who wants which event, and the sending of them. All of it but encode() and wanted() runs on the events
// thread, registration and removal too: so a client's registration is answered before its first event,
// no event follows the reply to a removal, and there is no lock but that of the counts which wanted() reads.
//
// An event's body is encoded once, when the driver posts it. A message differs between subscribers only
// in its callback id, so those with the same id (most have their first) share one buffer.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/sync.h"
#include "base/uuid.h"
#include "host/access/control.h"
#include "host/dispatch/event_gate.h"
#include "host/dispatch/monitor_filter.h"
#include "host/plugin/events.h"
#include "host/rpc/client.h"

namespace polyvirt::dispatch {

struct Subscription {
    std::shared_ptr<rpc::Client> client;
    std::shared_ptr<plugin::Instance> instance;
    std::uint32_t kind = 0;
    std::int32_t event_id = 0;
    bool old_style = false; // messages without callback id, removed by event id
    bool filtered = false;  // only the object with this uuid and name
    Uuid uuid;
    std::string name;
    std::shared_ptr<const MonitorFilter> monitor; // of monitor events: which names
    std::int32_t callback_id = -1; // given by add()
};

class EventHub final : public plugin::EventSink {
  public:
    // Whoever may not `getattr` an object hears nothing of it, whatever it registered for.
    explicit EventHub(const access::Control& control);
    // Before the first event: how to run something on the events thread.
    void set_runner(std::function<void(std::function<void()>)> runner) { gate_.set_runner(std::move(runner)); }

    pv_status encode(const plugin::Instance& instance, const pv_event& event,
                     plugin::EncodedEvent& encoded) noexcept override;
    bool wanted(const plugin::Instance& instance, std::uint32_t kind, std::int32_t id) const noexcept override;
    void deliver(std::span<const plugin::QueuedEvent> batch) noexcept override;

    // Events thread. The callback id, or error invalid_arg for a second registration of the same event
    // and object by one client, whichever style; monitor events may be had several times.
    [[nodiscard]] Result<std::int32_t> add(Subscription subscription);
    // Error internal_error: the client has no such registration.
    [[nodiscard]] Status remove(const rpc::Client& client, std::uint32_t kind, std::int32_t callback_id);
    [[nodiscard]] Status remove_old(const rpc::Client& client, std::uint32_t kind, std::int32_t event_id);
    void remove_client(const rpc::Client& client);

    // Messages to subscribers so far; lost: to those that were gone or just then cut off. Any thread.
    [[nodiscard]] std::uint64_t sent() const { return sent_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

  private:
    using Entry = std::shared_ptr<const Subscription>;
    struct PerClient {
        std::int32_t next_id = 0;
        std::vector<Entry> list;
    };
    template <typename Match>
    bool remove_if(const rpc::Client& client, const Match& match);
    void unlink(const Entry& entry);
    void send(const plugin::QueuedEvent& event, const std::vector<Entry>& to);

    using Source = std::pair<const plugin::Instance*, std::uint64_t>; // and (kind, event id)
    void count(const Entry& entry, int change);

    std::atomic<std::uint64_t> sent_{0}, lost_{0};
    mutable Mutex mu_{Rank::leaf};
    std::map<Source, int> counts_ PV_GUARDED_BY(mu_); // of subscriptions
    EventGate gate_;
    std::unordered_map<const rpc::Client*, PerClient> clients_;
    std::unordered_map<std::uint64_t, std::vector<Entry>> by_event_; // (kind, event id)
};

} // namespace polyvirt::dispatch
