// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The loops that plugins see (host.loop/1). A pv_loop is a strand on one of the host's loop threads: the
// instance's shared one, one of a few pooled ones, or one of its own.
//
// Life of a strand: the plugin's handle and each closure (watch or post) count as users. When the last is
// gone a dedicated thread is told to stop; it is joined later, by whoever next asks for or gives back a
// loop, because the last user may be a callback of that very thread.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include <polyvirt/abi/loop.h>

#include "base/sync.h"
#include "host/loop/event_loop.h"
#include "host/loop/watchdog.h"
#include "host/plugin/census.h"

struct pv_watch;

namespace polyvirt::plugin {

// "function" or "plugin.so+0x1234": what `code` points into.
std::string symbol_of(const void* code);

// A loop and its thread, under the eyes of `watchdog` (null: of nobody).
struct HostLoop {
    HostLoop(const std::string& name, std::size_t stack_bytes, std::shared_ptr<loop::Watchdog> watchdog)
        : loop(name), dog(std::move(watchdog)), thread(loop, stack_bytes) {
        if (dog) dog->add(loop);
    }
    ~HostLoop() {
        if (dog) dog->remove(loop);
    }
    HostLoop(const HostLoop&) = delete;
    HostLoop& operator=(const HostLoop&) = delete;

    loop::EventLoop loop;
    const std::shared_ptr<loop::Watchdog> dog;
    loop::LoopThread thread;
};

// A loop at one moment.
struct LoopSeen {
    std::string name;
    std::int64_t busy_since_ns = 0; // 0: idle
};

// The loop threads that are no instance's own. Any thread; leaf. Outlives every strand.
class LoopPool {
  public:
    LoopPool(unsigned pooled, std::shared_ptr<loop::Watchdog> watchdog)
        : max_pooled_(pooled), watchdog_(std::move(watchdog)) {}
    // All strands have ended. Not on one of its threads.
    ~LoopPool();

    // Null: no thread or descriptor to be had.
    [[nodiscard]] loop::EventLoop* pooled();
    [[nodiscard]] HostLoop* dedicated();
    // The thread has no user left: stops it.
    void retire(HostLoop* loop);
    [[nodiscard]] std::size_t dedicated_count() const;
    void look(std::vector<LoopSeen>& to) const;

  private:
    void join_ended();

    const unsigned max_pooled_;
    const std::shared_ptr<loop::Watchdog> watchdog_;
    mutable Mutex mu_{Rank::leaf};
    std::vector<std::unique_ptr<HostLoop>> pooled_ PV_GUARDED_BY(mu_);
    std::vector<std::unique_ptr<HostLoop>> dedicated_ PV_GUARDED_BY(mu_);
    std::vector<std::unique_ptr<HostLoop>> ended_ PV_GUARDED_BY(mu_);
    bool ending_ PV_GUARDED_BY(mu_) = false;
    unsigned next_pooled_ PV_GUARDED_BY(mu_) = 0;
    std::uint64_t next_name_ PV_GUARDED_BY(mu_) = 0;
};

// Callbacks of one instance, on whichever loop.
struct CallbackCounts {
    std::atomic<std::uint64_t> all{0}, slow{0};
};

// What a strand needs of its instance.
struct StrandOwner {
    std::string label; // for the log: "qemu/monitor-7"
    Census* census;
    CallbackCounts* callbacks = nullptr;
};

class Strand : public std::enable_shared_from_this<Strand> {
  public:
    // `own`: the dedicated thread that ends with the strand, else null.
    Strand(StrandOwner owner, loop::EventLoop& loop, LoopPool& pool, HostLoop* own);
    ~Strand();
    Strand(const Strand&) = delete;
    Strand& operator=(const Strand&) = delete;

    // Keeps the strand's thread: for closures on it, and for host code that will use it later.
    class User {
      public:
        explicit User(std::shared_ptr<Strand> strand);
        ~User();
        User(const User&) = delete;
        User& operator=(const User&) = delete;
        Strand* operator->() const { return strand_.get(); }

      private:
        const std::shared_ptr<Strand> strand_;
    };

    // The ABI's add_fd and add_timer, post; contracts there. `release` is the plugin's until success.
    pv_watch* add_fd(int fd, unsigned events, pv_fd_fn fn, void* ctx, pv_release_fn release);
    pv_watch* add_timer(std::int64_t first_ns, std::int64_t period_ns, pv_fn fn, void* ctx, pv_release_fn release);
    bool post(pv_fn fn, void* ctx, pv_release_fn release);
    void remove(pv_watch* watch);

    // The host's own use of the strand's thread, by a User of it (or the plugin's unreleased handle); goes on
    // after close().
    [[nodiscard]] loop::EventLoop& loop() { return loop_; }
    // Runs plugin code `f` on the loop's thread, unless the strand is closed; `code` names it in the log.
    void run(const void* code, const std::function<void()>& f);

    // No callback begins after this (but those running finish); watches are removed. `keep_handles`: the
    // pv_watch stay until remove() or forget_handles(), for a plugin that will still remove them.
    void close(bool keep_handles);
    void forget_handles();
    [[nodiscard]] bool closed() const { return closed_.load(std::memory_order_acquire); }

  private:
    struct FdBody;
    struct TimerBody;
    struct PostBody;

    void add_user() { users_.fetch_add(1, std::memory_order_relaxed); }
    void drop_user();
    pv_watch* keep(loop::Watch watch);

    const StrandOwner owner_;
    loop::EventLoop& loop_;
    LoopPool& pool_;
    HostLoop* const own_;
    std::atomic<std::size_t> users_{1};
    std::atomic<bool> closed_{false};
    mutable Mutex mu_{Rank::leaf};
    std::unordered_set<pv_watch*> watches_ PV_GUARDED_BY(mu_);
};

} // namespace polyvirt::plugin

// The plugin's handles.
struct pv_loop {
    std::shared_ptr<polyvirt::plugin::Strand> strand;
    pv_host* host;
};
// The registration is shared because Strand::close() may end it while the plugin gives it back.
struct pv_watch {
    std::shared_ptr<polyvirt::plugin::Strand> strand;
    std::shared_ptr<polyvirt::loop::Watch> watch;
};
