// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What drivers are told of each other's objects (host.driver/1, subscribe). Whoever posts an event only leaves a note of
// it; the subscriber's code runs on its own strand, where no lock of the poster's is held. A subscription is to a kind: to
// whoever serves that for the subscriber at the moment of each notice. What waits for one is bounded by count, and what
// does not fit is told as such.

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <polyvirt/abi/driver.h>
#include <polyvirt/abi/event.h>

#include "base/sync.h"
#include "base/uuid.h"
#include "host/plugin/loops.h"

namespace polyvirt::plugin {

class Instance;
class Subscription;

// All of them. Any thread; leaf.
class Subscriptions {
  public:
    // Whether objects of the kind have life-cycle events.
    [[nodiscard]] static bool has_notices(std::uint32_t kind);
    void add(std::shared_ptr<Subscription> subscription);
    void remove(const Subscription& subscription);
    // Whether an event may be one that somebody is told of.
    [[nodiscard]] bool wanted(std::uint32_t kind, std::int32_t id) const;
    // `event` has been checked, but for its payload.
    void post(const std::shared_ptr<Instance>& from, const pv_event& event);

  private:
    mutable Mutex mu_{Rank::leaf};
    std::vector<std::shared_ptr<Subscription>> all_ PV_GUARDED_BY(mu_);
    std::array<std::atomic<unsigned>, PV_KIND_CHECKPOINT + 1> counts_{}; // by kind: `all_` for those who may not wait
};

class Subscription : public std::enable_shared_from_this<Subscription> {
  public:
    static constexpr std::size_t kMaxWaiting = 1024;

    Subscription(pv_host& host, std::uint32_t kind, const std::shared_ptr<Strand>& strand, pv_notice_fn fn,
                 std::shared_ptr<PluginContext> context);
    ~Subscription();

    // Any thread; leaf.
    [[nodiscard]] std::uint32_t kind() const { return kind_; }
    void tell(const std::shared_ptr<Instance>& from, const pv_event& event, std::int32_t what, std::int32_t detail);
    // No call begins after this; the release runs later, on the strand's loop if that still runs.
    void end();

  private:
    struct Note {
        std::weak_ptr<Instance> from;
        std::int32_t event = 0, detail = 0;
        std::uint64_t object = 0;
        Uuid uuid;
        std::string name;
    };
    // What it takes to call the plugin. Whoever does holds it, so it is the last of them that gives the context back.
    struct Body;
    void schedule();
    void step(const Body& body);
    bool step_once(const Body& body);
    [[nodiscard]] bool is_from_provider(const Note& note) const;
    void call(const Body& body, const Note& note) const;

    pv_host& host_; // until end()
    const std::uint32_t kind_;
    Mutex mu_{Rank::leaf};
    std::shared_ptr<const Body> body_ PV_GUARDED_BY(mu_); // null: it has ended
    std::deque<Note> waiting_ PV_GUARDED_BY(mu_);
    std::int32_t lost_ PV_GUARDED_BY(mu_) = 0;
    bool scheduled_ PV_GUARDED_BY(mu_) = false;
};

} // namespace polyvirt::plugin

struct pv_subscription {
    std::shared_ptr<polyvirt::plugin::Subscription> subscription;
    pv_host* host;
};
