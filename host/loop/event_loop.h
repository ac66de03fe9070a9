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
//    inside a callback of this loop, also for the watch whose callback is running. They are leaf:
//    the caller may hold locks of any rung but leaf. None waits for a callback.
//  - Once remove() has returned (or the watch was destroyed) its callback is not entered again; one
//    that is running just then on the loop's thread finishes.
//  - A callback's closure is destroyed exactly once, on the loop's thread, after its last run and
//    never inside a callback (or by the loop's destructor), with no lock held. That destruction is
//    the "release" of the plugin ABI. A watched descriptor stays open until then: let the closure
//    own it.
//  - On another thread than the loop's, a callback may run before add_fd() has returned. Who uses
//    the Watch inside the callback adds it with events 0, stores it, and then calls set_events().
//  - What one thread asks of a loop happens in the order in which it asked; posts after the changes
//    of watches that were asked before them.
//  - Callbacks must not throw: what escapes is caught, counted as PV_BUG, and the watch removed.
// A loop takes four descriptors: epoll, the wake-up, and a pipe that libevent makes for signals.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
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
    // remove() without giving up the handle: may run beside any other call but remove() and the
    // destructor, and more than once.
    void cancel() const;
    // Descriptors: which events are waited for; 0 = none. Error and hang-up show as kReadable or
    // kWritable (the read or write then tells); who adds kError|kHangup here is told them apart,
    // for one more system call per callback. These two alone count as 0.
    void set_events(unsigned events);
    // Timeouts: fire in `delay`, never earlier, then every `period` (zero = once; rounds that were
    // missed are left out). disarm() keeps the watch.
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
    // run() has returned or was never called. Releases every closure that is left.
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    // An empty Watch, after a line in the log, if `fd` is not open or is a file or folder, which
    // the kernel cannot watch: `callback` is then destroyed before add_fd returns.
    [[nodiscard]] Watch add_fd(int fd, unsigned events, std::function<void(unsigned)> callback);
    // The same for what is known to be an open socket, without asking the kernel what it is.
    [[nodiscard]] Watch add_socket(int fd, unsigned events, std::function<void(unsigned)> callback);
    // Made disarmed: see Watch::arm().
    [[nodiscard]] Watch add_timer(std::function<void()> callback);
    // Runs `f` once on the loop's thread, in the order of the posts. False when the loop has
    // stopped for good: then `f` was destroyed unrun. What was accepted before that runs before
    // run() returns; only a loop that is destroyed without having run destroys its posts unrun.
    bool post(std::function<void()> f);
    // Destroys `p` on the loop's thread, after the callbacks of this round.
    template <typename T> void deferred_delete(std::shared_ptr<T> p) {
        post([p = std::move(p)]() mutable { p.reset(); });
    }

    // Dispatches until stop(); the caller's thread is the loop's thread meanwhile. Once only.
    void run();
    // For good; legal before run(), which then only runs what was posted.
    void stop();
    [[nodiscard]] bool on_thread() const;
    [[nodiscard]] const std::string& name() const { return name_; }
    // Says which piece of whose code a callback runs, for the watchdog, as long as it lives. Loop's thread; does
    // not nest. Of the owner's name 48 bytes count.
    class Running {
      public:
        Running(EventLoop& loop, std::string_view owner, const void* code);
        ~Running();
        Running(const Running&) = delete;
        Running& operator=(const Running&) = delete;

      private:
        EventLoop& loop_;
    };
    struct RunningCode {
        std::string owner; // empty: nobody said
        const void* code = nullptr;
    };
    [[nodiscard]] RunningCode running() const; // any thread, any lock held
    // For the watchdog: when the running callback was entered, as steady nanoseconds; 0 = idle.
    [[nodiscard]] std::int64_t busy_since_ns() const;

  private:
    const std::string name_;
    std::shared_ptr<detail::LoopState> state_;
};

// Runs a loop on a thread of its own, named after it, with signals blocked; stops and joins it.
class LoopThread {
  public:
    // `stack_bytes`: 0 = the system's default. Throws std::system_error if no thread is to be had.
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
