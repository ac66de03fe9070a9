// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/loops.h"

#include <algorithm>
#include <dlfcn.h>
#include <exception>
#include <iterator>
#include <sys/resource.h>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "host/plugin/thread_kind.h"

namespace polyvirt::plugin {
namespace {

// A VM's monitor needs little; a thousand of them should cost a thousand small stacks.
constexpr std::size_t kDedicatedStack = std::size_t{256} << 10;
constexpr auto kSlow = std::chrono::milliseconds(10);

// What this thread has computed and how often it has waited, so far.
struct Spent {
    std::chrono::microseconds computed{};
    long waits = 0;
};
Spent spent() {
    rusage u{};
    ::getrusage(RUSAGE_THREAD, &u);
    const auto time = [](const timeval& t) { return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec); };
    return {time(u.ru_utime) + time(u.ru_stime), u.ru_nvcsw};
}

// A thread that neither computed nor waited was not let run: the machine has too much to do, not the plugin.
void note_slow(const StrandOwner& owner, const void* code, loop::Clock::duration took, const Spent& before) {
    const Spent now = spent();
    const auto computed = now.computed - before.computed;
    const long waits = now.waits - before.waits;
    if (computed <= kSlow && waits == 0) return;
    if (owner.callbacks != nullptr) owner.callbacks->slow.fetch_add(1, std::memory_order_relaxed);
    using std::chrono::milliseconds;
    log::warning("plugin", "{}: callback {} took {} ms on its loop (at most 10 are allowed); it computed for {} ms and waited {} times",
                 owner.label, symbol_of(code), std::chrono::duration_cast<milliseconds>(took).count(),
                 std::chrono::duration_cast<milliseconds>(computed).count(), waits);
}

} // namespace

std::string symbol_of(const void* code) {
    Dl_info info{};
    if (::dladdr(code, &info) == 0) return "?";
    if (info.dli_sname != nullptr && info.dli_saddr == code) return info.dli_sname;
    const auto offset = static_cast<const char*>(code) - static_cast<const char*>(info.dli_fbase);
    return fmt::format("{}+{:#x}", info.dli_fname, offset);
}

LoopPool::~LoopPool() {
    std::vector<std::unique_ptr<HostLoop>> all;
    {
        const LeafLock lock(mu_);
        ending_ = true;
        for (auto* list : {&ended_, &dedicated_, &pooled_}) {
            std::move(list->begin(), list->end(), std::back_inserter(all));
            list->clear();
        }
    }
    all.clear(); // joined without the lock
}

loop::EventLoop* LoopPool::pooled() {
    {
        const LeafLock lock(mu_);
        if (pooled_.size() >= max_pooled_) return &pooled_[next_pooled_++ % pooled_.size()]->loop;
    }
    std::unique_ptr<HostLoop> fresh;
    try {
        fresh = std::make_unique<HostLoop>("lo:pool", 0, watchdog_);
    } catch (const std::exception& e) {
        log::error("plugin", "no pooled loop: {}", e.what());
        return nullptr;
    }
    const LeafLock lock(mu_);
    pooled_.push_back(std::move(fresh)); // a race makes one or two more than asked for; harmless
    return &pooled_.back()->loop;
}

HostLoop* LoopPool::dedicated() {
    join_ended();
    std::string name;
    {
        const LeafLock lock(mu_);
        name = fmt::format("lo:{}", ++next_name_);
    }
    std::unique_ptr<HostLoop> fresh;
    try {
        fresh = std::make_unique<HostLoop>(name, kDedicatedStack, watchdog_);
    } catch (const std::exception& e) {
        log::error("plugin", "no dedicated loop: {}", e.what());
        return nullptr;
    }
    const LeafLock lock(mu_);
    return dedicated_.emplace_back(std::move(fresh)).get();
}

void LoopPool::retire(HostLoop* loop) {
    join_ended();
    const LeafLock lock(mu_);
    const auto it = std::find_if(dedicated_.begin(), dedicated_.end(), [&](const auto& l) { return l.get() == loop; });
    if (it == dedicated_.end() && ending_) return; // it ends with all others
    if (PV_BUG(it == dedicated_.end())) return;
    loop->loop.stop();
    ended_.push_back(std::move(*it));
    dedicated_.erase(it);
}

// Their last callback has been released, so this waits for no plugin.
void LoopPool::join_ended() {
    std::vector<std::unique_ptr<HostLoop>> ended;
    const LeafLock lock(mu_);
    for (auto& loop : ended_)
        if (!loop->loop.on_thread()) ended.push_back(std::move(loop));
    std::erase(ended_, nullptr);
}

std::size_t LoopPool::dedicated_count() const {
    const LeafLock lock(mu_);
    return dedicated_.size();
}

void LoopPool::look(std::vector<LoopSeen>& to) const {
    const LeafLock lock(mu_);
    for (const auto* loops : {&pooled_, &dedicated_})
        for (const auto& loop : *loops) to.push_back({loop->loop.name(), loop->loop.busy_since_ns()});
}

Strand::User::User(std::shared_ptr<Strand> strand) : strand_(std::move(strand)) { strand_->add_user(); }
Strand::User::~User() { strand_->drop_user(); }

// Destroyed bottom up: the release function runs while the strand still has its thread.
struct Strand::FdBody {
    const User strand;
    const int fd;
    const pv_fd_fn fn;
    PluginContext ctx;
};
struct Strand::TimerBody {
    const User strand;
    const pv_fn fn;
    PluginContext ctx;
};
struct Strand::PostBody {
    const User strand;
    const pv_fn fn;
    PluginContext ctx;
};

Strand::Strand(StrandOwner owner, loop::EventLoop& loop, LoopPool& pool, HostLoop* own)
    : owner_(std::move(owner)), loop_(loop), pool_(pool), own_(own) {}

Strand::~Strand() { forget_handles(); }

void Strand::drop_user() {
    if (users_.fetch_sub(1, std::memory_order_acq_rel) == 1 && own_ != nullptr) pool_.retire(own_);
}

void Strand::run(const void* code, const std::function<void()>& f) {
    if (closed()) return;
    const ThreadKind kind(PV_THREAD_LOOP);
    const loop::EventLoop::Running running(loop_, owner_.label, code);
    const Spent before = spent();
    const auto begin = loop::Clock::now();
    f();
    const auto took = loop::Clock::now() - begin;
    if (owner_.callbacks != nullptr) owner_.callbacks->all.fetch_add(1, std::memory_order_relaxed);
    if (took > kSlow) note_slow(owner_, code, took, before);
}

pv_watch* Strand::keep(loop::Watch watch) {
    auto handle = std::make_unique<pv_watch>();
    handle->strand = shared_from_this();
    handle->watch = std::make_shared<loop::Watch>(std::move(watch));
    const LeafLock lock(mu_);
    watches_.insert(handle.get());
    return handle.release();
}

pv_watch* Strand::add_fd(int fd, unsigned events, pv_fd_fn fn, void* ctx, pv_release_fn release) {
    if (closed()) return nullptr;
    const std::shared_ptr<FdBody> body(new FdBody{User(shared_from_this()), fd, fn,
                                                  {ctx, release, owner_.census->take(Census::callback)}});
    loop::Watch watch = loop_.add_fd(fd, events, [body](unsigned what) {
        body->strand->run(reinterpret_cast<const void*>(body->fn),
                          [&] { body->fn(body->ctx.get(), body->fd, what); });
    });
    if (!watch) {
        body->ctx.disown();
        return nullptr;
    }
    return keep(std::move(watch));
}

pv_watch* Strand::add_timer(std::int64_t first_ns, std::int64_t period_ns, pv_fn fn, void* ctx,
                            pv_release_fn release) {
    if (closed()) return nullptr;
    const std::shared_ptr<TimerBody> body(
        new TimerBody{User(shared_from_this()), fn, {ctx, release, owner_.census->take(Census::callback)}});
    loop::Watch watch = loop_.add_timer([body] {
        body->strand->run(reinterpret_cast<const void*>(body->fn), [&] { body->fn(body->ctx.get()); });
    });
    if (!watch) {
        body->ctx.disown();
        return nullptr;
    }
    if (first_ns >= 0) watch.arm(std::chrono::nanoseconds(first_ns), std::chrono::nanoseconds(period_ns));
    return keep(std::move(watch));
}

bool Strand::post(pv_fn fn, void* ctx, pv_release_fn release) {
    if (closed()) return false;
    const std::shared_ptr<PostBody> body(
        new PostBody{User(shared_from_this()), fn, {ctx, release, owner_.census->take(Census::callback)}});
    const bool taken = loop_.post([body] {
        body->strand->run(reinterpret_cast<const void*>(body->fn), [&] { body->fn(body->ctx.get()); });
    });
    if (!taken) body->ctx.disown();
    return taken;
}

void Strand::remove(pv_watch* watch) {
    {
        const LeafLock lock(mu_);
        if (PV_BUG(watches_.erase(watch) == 0)) return;
    }
    watch->watch->cancel(); // close() may hold it too
    delete watch;
}

void Strand::close(bool keep_handles) {
    if (closed_.exchange(true)) return;
    // Not the handles: the plugin may give one back just now, on its loop's thread.
    std::vector<std::shared_ptr<loop::Watch>> watches;
    {
        const LeafLock lock(mu_);
        for (const pv_watch* handle : watches_) watches.push_back(handle->watch);
    }
    for (const auto& watch : watches) watch->cancel();
    if (!keep_handles) forget_handles();
    drop_user();
}

void Strand::forget_handles() {
    std::unordered_set<pv_watch*> watches;
    {
        const LeafLock lock(mu_);
        watches.swap(watches_);
    }
    for (pv_watch* watch : watches) delete watch;
}

} // namespace polyvirt::plugin
