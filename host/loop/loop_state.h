// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What stands behind EventLoop and Watch; private to host/loop, the only folder that sees libevent.
//
// The libevent base is made without locks and touched by the loop's thread alone: what other
// threads want goes through `requests` (in order) and is applied at the next safe point, which is
// why no caller ever waits for a running callback. Wake-ups are ours too: one eventfd,
// edge-triggered so that it is never read, written only while the loop sleeps or is about to.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/sync.h"
#include "base/unique_fd.h"

namespace polyvirt::loop::detail {

struct LoopState;

std::int64_t now_ns();
constexpr std::size_t kOwnerWords = 6;

// One registration. Lives until its closure was released and the last Watch is gone.
struct WatchState {
    WatchState(std::shared_ptr<LoopState> l, int descriptor) : loop(std::move(l)), fd(descriptor) {}

    const std::shared_ptr<LoopState> loop;
    const int fd; // -1 = a timer

    // Set first thing by remove() on any thread: the callback is not entered again.
    std::atomic<bool> removed{false};

    // Below: loop's thread only (the closures: moved in before the thread learns of the watch).
    std::function<void(unsigned)> on_fd;
    std::function<void()> on_timer;
    // A change of interest adds the new event before it deletes the old one: one epoll_ctl
    // instead of two for the usual step between "read" and "read and write".
    struct event events[2] = {};
    unsigned current = 0;
    unsigned interest = 0;
    std::int64_t deadline_ns = 0, period_ns = 0;
    bool linked = false;
    std::shared_ptr<WatchState> self; // while linked or dead
    WatchState* prev = nullptr;
    WatchState* next = nullptr;
};

struct Request {
    enum class Kind : std::uint8_t { add, remove, interest, arm, disarm };
    Kind kind = Kind::add;
    unsigned interest = 0;
    std::int64_t deadline_ns = 0, period_ns = 0;
    std::shared_ptr<WatchState> watch;
};

struct LoopState {
    explicit LoopState(std::string loop_name);
    ~LoopState();
    LoopState(const LoopState&) = delete;
    LoopState& operator=(const LoopState&) = delete;

    [[nodiscard]] bool on_thread() const;
    // Any thread: applied now if this is the loop's thread, else queued.
    void submit(Request request);
    bool post(std::function<void()> f);
    void stop();
    void wake();

    // Loop's thread.
    void run();
    void close();
    void apply_requests();
    void run_posts();
    void release_dead();
    void apply(Request& request);
    void link(std::shared_ptr<WatchState> watch, unsigned interest);
    void unlink(WatchState& watch);
    void set_interest(WatchState& watch, unsigned interest);
    void schedule(WatchState& watch, std::int64_t delay_ns);
    void timer_fired(WatchState& watch);
    // Enters a callback: false when it threw.
    template <typename F> bool enter(F&& f);

    const std::string name;
    UniqueFd wake_fd;
    struct event_base* base = nullptr;
    struct event wake_event = {};

    std::atomic<bool> stopping{false};
    // Whoever queues something sets has_*, then looks at `sleeping`; the loop sets `sleeping`, then
    // looks at has_*. Sequentially consistent, so one of the two sees the other.
    std::atomic<bool> sleeping{false}, has_posts{false}, has_requests{false};
    std::atomic<std::int64_t> busy_since{0};

    std::array<std::atomic<std::uint64_t>, kOwnerWords> running_owner{};
    std::atomic<const void*> running_code{nullptr};

    Mutex mu{Rank::leaf};
    std::vector<Request> requests PV_GUARDED_BY(mu);
    std::vector<std::function<void()>> posts PV_GUARDED_BY(mu);
    bool posts_refused PV_GUARDED_BY(mu) = false;
    bool closed PV_GUARDED_BY(mu) = false;

    // Loop's thread only. The batches keep their memory from round to round.
    std::vector<Request> request_batch;
    std::vector<std::function<void()>> post_batch;
    WatchState* watches = nullptr;
    WatchState* dead = nullptr;
};

} // namespace polyvirt::loop::detail
