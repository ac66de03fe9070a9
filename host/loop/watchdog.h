// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Watchdog: names the loop whose callback holds it for longer than a limit. It looks from a thread
// of its own ("watchdog") every half limit, so one that takes 1.5 limits is always seen: once when
// it is noticed, and again, with what it took at least, when the loop goes on. The loops pay
// nothing for it beyond the time stamp that they write anyway.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/sync.h"
#include "host/loop/event_loop.h"

namespace polyvirt::loop {

class Watchdog {
  public:
    struct Report {
        std::string loop;
        std::chrono::nanoseconds held; // so far, or at least
        bool over = false;             // the loop goes on
        EventLoop::RunningCode what{}; // as it said, if it is not over
    };
    using Reporter = std::function<void(const Report&)>;

    // `report` is called on the watchdog's thread with no lock held; without one, a warning is
    // logged.
    explicit Watchdog(std::chrono::nanoseconds limit, Reporter report = {});
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    // Any thread; leaf. The loop must be taken out before it is destroyed.
    void add(const EventLoop& loop);
    void remove(const EventLoop& loop);

  private:
    struct Entry {
        const EventLoop* loop = nullptr;
        std::int64_t reported = 0; // the busy_since_ns that was reported last; 0 = none
        std::int64_t seen = 0;     // when it was last seen held
    };

    void look_at(Entry& entry, std::int64_t now, std::vector<Report>& out);
    void tick();

    const std::int64_t limit_ns_;
    const Reporter report_;
    Mutex mu_{Rank::leaf};
    std::vector<Entry> entries_ PV_GUARDED_BY(mu_);
    EventLoop own_{"watchdog"};
    Watch timer_;
    LoopThread thread_{own_};
};

} // namespace polyvirt::loop
