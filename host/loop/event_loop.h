// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// EventLoop: the only door to libevent. One loop has one thread (started by LoopThread, or the
// caller of run()); its handles and timeouts fire there, never two at once.
//
//     EventLoop loop("rpc-loop");
//     LoopThread thread(loop);
//     Watch w = loop.add_fd(fd, kReadable, [this](unsigned what) { on_ready(what); });
//     loop.post([] { ... });
//
// Rules:
//  - add_*, Watch::*, post(), deferred_delete() and stop() may be called from any thread, also from
//    inside a callback of this loop, also for the watch whose callback is running.
//  - Removing a watch (destroying it, or remove()) is immediate when called on the loop's thread:
//    the callback is not entered again. From another thread it takes effect before the loop's next
//    dispatch; a callback that is running just then finishes.
//  - A callback's closure is destroyed exactly once, on the loop's thread, after its last run (or by
//    the loop's destructor), with no lock held. That destruction is the "release" of the plugin ABI.
//  - Callbacks must not throw: what escapes is caught, counted as PV_BUG, and the watch removed.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace polyvirt::loop {

using Clock = std::chrono::steady_clock;

enum : unsigned { kReadable = 1, kWritable = 2, kError = 4, kHangup = 8 };

namespace detail {
struct WatchState;
struct LoopState;
} // namespace detail

// The owner of one registration. Movable; destroying it removes the registration. It may outlive
// its loop (every call is then without effect). Not itself synchronised: one owner at a time.
class Watch {
  public:
    Watch() = default;
    explicit Watch(std::shared_ptr<detail::WatchState> state) : state_(std::move(state)) {}
    Watch(Watch&&) noexcept = default;
    Watch& operator=(Watch&& other) noexcept;
    ~Watch() { remove(); }

    void remove();
    // Descriptors: which events are waited for (kReadable|kWritable; 0 = none, error and hang-up
    // included in either).
    void set_events(unsigned events);
    // Timeouts: fire in `delay`, then every `period` (zero = once). disarm() keeps the watch.
    void arm(std::chrono::nanoseconds delay, std::chrono::nanoseconds period = {});
    void disarm();
    explicit operator bool() const { return state_ != nullptr; }

  private:
    std::shared_ptr<detail::WatchState> state_;
};

class EventLoop {
  public:
    // `name` is for logs and for the thread (at most 15 bytes count). Throws std::runtime_error if
    // libevent cannot make a base (no descriptors left).
    explicit EventLoop(std::string name);
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    // The descriptor stays the caller's, who keeps it open until the watch is gone.
    [[nodiscard]] Watch add_fd(int fd, unsigned events, std::function<void(unsigned)> callback);
    // Made disarmed: see Watch::arm().
    [[nodiscard]] Watch add_timer(std::function<void()> callback);
    // Runs `f` once on the loop's thread, in the order of the posts. Returns false when the loop has
    // stopped for good: then `f` was destroyed unrun.
    bool post(std::function<void()> f);
    // Destroys `p` on the loop's thread, after the callbacks of this round.
    template <typename T> void deferred_delete(std::shared_ptr<T> p) {
        post([p = std::move(p)]() mutable { p.reset(); });
    }

    // Dispatches until stop(); the caller's thread is the loop's thread from then on.
    void run();
    void stop();
    [[nodiscard]] bool on_thread() const;
    [[nodiscard]] const std::string& name() const { return name_; }
    // For the watchdog: when the running callback was entered, as steady nanoseconds; 0 = idle.
    [[nodiscard]] std::int64_t busy_since_ns() const;

  private:
    const std::string name_;
    std::shared_ptr<detail::LoopState> state_;
};

// Runs a loop on a thread of its own, named after it, with signals blocked; stops and joins it.
class LoopThread {
  public:
    // `stack_bytes`: 0 = the system's default.
    explicit LoopThread(EventLoop& loop, std::size_t stack_bytes = 0);
    ~LoopThread();
    LoopThread(const LoopThread&) = delete;
    LoopThread& operator=(const LoopThread&) = delete;
    // Returns when the thread is gone. Not from the loop's own thread.
    void stop_and_join();

  private:
    EventLoop& loop_;
    unsigned long thread_ = 0; // pthread_t
    bool joined_ = false;
};

} // namespace polyvirt::loop
