// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Loop and Watch: RAII over host.loop. Callbacks are std::function; what they capture is destroyed on
// the loop after their last run. A Watch that is destroyed or reset runs no more (a callback that is
// running on another thread may still end). Both: any thread; each object by one thread at a time.

#include <functional>
#include <memory>
#include <utility>

#include <polyvirt/services.h>
#include <polyvirt/slots.h>

namespace polyvirt::plugin {

class Watch {
  public:
    Watch() = default;
    Watch(const pv_svc_loop* svc, pv_watch* watch) : svc_(svc), watch_(watch) {}
    Watch(Watch&& o) noexcept : svc_(o.svc_), watch_(std::exchange(o.watch_, nullptr)) {}
    Watch& operator=(Watch&& o) noexcept {
        if (this != &o) {
            reset();
            svc_ = o.svc_;
            watch_ = std::exchange(o.watch_, nullptr);
        }
        return *this;
    }
    ~Watch() { reset(); }

    explicit operator bool() const { return watch_ != nullptr; }
    void reset() {
        if (watch_ != nullptr) svc_->remove(std::exchange(watch_, nullptr));
    }
    void set_events(std::uint32_t events) { svc_->set_events(watch_, events); }
    void set_timer(std::int64_t first_ns, std::int64_t period_ns = 0) { svc_->set_timer(watch_, first_ns, period_ns); }

  private:
    const pv_svc_loop* svc_ = nullptr;
    pv_watch* watch_ = nullptr;
};

class Loop {
  public:
    using Fn = std::function<void()>;
    using FdFn = std::function<void(std::uint32_t events)>;

    Loop() = default;
    // Null afterwards if the host has no thread or descriptor to spare.
    Loop(const Services& s, std::uint32_t policy, const char* name)
        : svc_(s.loop), loop_(s.loop->acquire(s.host, policy, name)) {}
    Loop(Loop&& o) noexcept : svc_(o.svc_), loop_(std::exchange(o.loop_, nullptr)) {}
    Loop& operator=(Loop&& o) noexcept {
        if (this != &o) {
            reset();
            svc_ = o.svc_;
            loop_ = std::exchange(o.loop_, nullptr);
        }
        return *this;
    }
    ~Loop() { reset(); }

    explicit operator bool() const { return loop_ != nullptr; }
    [[nodiscard]] pv_loop* get() const { return loop_; }
    [[nodiscard]] bool on_loop() const { return svc_->on_loop(loop_) != 0; }
    void reset() {
        if (loop_ != nullptr) svc_->release(std::exchange(loop_, nullptr));
    }

    // False: the loop has ended; `fn` is destroyed unrun.
    bool post(Fn fn) const {
        if (loop_ == nullptr) return false;
        auto ctx = std::make_unique<Fn>(std::move(fn));
        if (svc_->post(loop_, &run<Fn>, ctx.get(), &drop<Fn>) != PV_OK) return false;
        (void)ctx.release();
        return true;
    }
    // Null on failure.
    [[nodiscard]] Watch fd(int fd, std::uint32_t events, FdFn fn) const {
        auto ctx = std::make_unique<FdFn>(std::move(fn));
        pv_watch* w = svc_->add_fd(loop_, fd, events, &run_fd, ctx.get(), &drop<FdFn>);
        if (w != nullptr) (void)ctx.release();
        return {svc_, w};
    }
    [[nodiscard]] Watch timer(std::int64_t first_ns, std::int64_t period_ns, Fn fn) const {
        auto ctx = std::make_unique<Fn>(std::move(fn));
        pv_watch* w = svc_->add_timer(loop_, first_ns, period_ns, &run<Fn>, ctx.get(), &drop<Fn>);
        if (w != nullptr) (void)ctx.release();
        return {svc_, w};
    }

  private:
    template <typename F> static void run(void* ctx) noexcept {
        guarded("loop", [&] { (*static_cast<F*>(ctx))(); });
    }
    static void run_fd(void* ctx, std::int32_t, std::uint32_t events) noexcept {
        guarded("loop", [&] { (*static_cast<FdFn*>(ctx))(events); });
    }
    template <typename F> static void drop(void* ctx) noexcept { delete static_cast<F*>(ctx); }

    const pv_svc_loop* svc_ = nullptr;
    pv_loop* loop_ = nullptr;
};

} // namespace polyvirt::plugin
