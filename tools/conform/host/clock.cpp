// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The virtual clock. While a process lives that the plugin has started it goes as fast as the real one, since that process
// does not know of it; otherwise it stands, and jumps to the next timer when the kit waits and every thread sleeps.

#include <chrono>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "tools/conform/host/timers.h"

namespace polyvirt::conform {
namespace {

using Real = std::chrono::steady_clock;
constexpr auto kTick = std::chrono::milliseconds(2);
constexpr auto kLook = std::chrono::milliseconds(8);
constexpr auto kRest = std::chrono::milliseconds(400); // with children: nothing has happened for so long
constexpr std::size_t kMaxJumps = 300;

std::set<pv_watch*> g_timers PV_GUARDED_BY(g_mu);
std::multiset<std::int64_t> g_deadlines PV_GUARDED_BY(g_mu);
std::atomic<int> g_clock_tid{0};

char state_of(const char* tid) {
    const UniqueFd fd(::open(fmt::format("/proc/self/task/{}/stat", tid).c_str(), O_RDONLY | O_CLOEXEC));
    char text[512];
    const ssize_t n = fd ? ::read(fd.get(), text, sizeof text - 1) : -1;
    if (n <= 0) return 'X';
    const std::string_view line(text, static_cast<std::size_t>(n));
    const std::size_t at = line.rfind(')');
    return at == std::string_view::npos || at + 2 >= line.size() ? 'X' : line[at + 2];
}

// All threads but this one and the clock's wait for something.
bool all_asleep() {
    DIR* tasks = ::opendir("/proc/self/task");
    if (tasks == nullptr) return false;
    bool asleep = true;
    while (const dirent* entry = ::readdir(tasks)) {
        const int tid = std::atoi(entry->d_name);
        if (tid == 0 || tid == ::gettid() || tid == g_clock_tid) continue;
        const char s = state_of(entry->d_name);
        asleep = asleep && (s == 'S' || s == 'X' || s == 'Z');
    }
    ::closedir(tasks);
    return asleep;
}

void fire_due() PV_REQUIRES(g_mu) {
    const std::int64_t now = world().virtual_ns;
    for (pv_watch* w : std::set<pv_watch*>(g_timers)) {
        if (w->due < 0 || w->due > now || w->queued) continue;
        w->queued = true;
        if (w->period > 0) w->due = now + w->period;
        else w->due = -1;
        give_task(w->loop, {.run =
                                [w] {
                                    {
                                        const LeafLock lock(g_mu);
                                        w->queued = false;
                                        if (w->removed) return;
                                    }
                                    run_callback(w->loop, "a timer's callback", [w] { w->fn(w->ctx); });
                                },
                            .what = "timer"});
    }
    expire_jobs(now);
    if (!g_deadlines.empty() && *g_deadlines.begin() <= now) g_changed.notify_all();
}

void clock_body() {
    g_clock_tid = ::gettid();
    auto last = Real::now();
    while (true) {
        LeafLock lock(g_mu);
        g_changed.wait_until(lock, Real::now() + kTick);
        const auto now = Real::now();
        if (world().living_children > 0) world().virtual_ns += std::chrono::nanoseconds(now - last).count();
        last = now;
        fire_due();
    }
}

// The next moment at which something is due; -1: none.
std::int64_t next_due() PV_REQUIRES(g_mu) {
    std::int64_t next = g_deadlines.empty() ? -1 : *g_deadlines.begin();
    for (const pv_watch* w : g_timers)
        if (w->due >= 0 && (next < 0 || w->due < next)) next = w->due;
    return next;
}

struct Look {
    bool idle, children;
    std::uint64_t activity;
};

class Settling {
  public:
    Settling(bool (*done)(const void*), const void* ctx, std::int64_t horizon, double seconds)
        : done_(done), ctx_(ctx), until_(Real::now() + std::chrono::microseconds(static_cast<long>(seconds * 1e6))) {
        const LeafLock lock(g_mu);
        limit_ = world().virtual_ns + horizon;
    }
    bool run() {
        std::uint64_t seen = 0;
        auto since = Real::now();
        while (Real::now() < until_) {
            bool finished = false;
            const Look look = wait_a_moment(finished);
            if (finished) return true;
            if (look.activity != seen || !look.idle) {
                seen = look.activity;
                since = Real::now();
                continue;
            }
            if (look.children) {
                if (done_ == nullptr && Real::now() - since > kRest) return true;
                continue;
            }
            if (Real::now() - since < kLook || !all_asleep()) continue;
            if (!jump(seen)) return done_ == nullptr || is_done();
        }
        return is_done();
    }

  private:
    Look wait_a_moment(bool& finished) {
        LeafLock lock(g_mu);
        if (done_ != nullptr && done_(ctx_)) finished = true;
        else g_changed.wait_until(lock, Real::now() + kTick);
        const World& w = world();
        return {w.queued == 0 && w.running == 0, w.living_children > 0, w.activity};
    }
    bool is_done() {
        const LeafLock lock(g_mu);
        return done_ != nullptr && done_(ctx_);
    }
    // False: nothing is due within the horizon.
    bool jump(std::uint64_t seen) {
        const LeafLock lock(g_mu);
        World& w = world();
        if (w.activity != seen || w.queued != 0 || w.running != 0) return true;
        const std::int64_t next = next_due();
        if (next < 0 || next > limit_ || ++jumps_ > kMaxJumps) return false;
        w.virtual_ns = std::max(w.virtual_ns, next);
        ++w.jumps;
        fire_due();
        return true;
    }
    bool (*done_)(const void*);
    const void* ctx_;
    Real::time_point until_;
    std::int64_t limit_ = 0;
    std::size_t jumps_ = 0;
};

} // namespace

void start_clock() {
    static std::thread* const thread = new std::thread(&clock_body); // ends with the process
    static_cast<void>(thread);
}

void arm(pv_watch* watch, std::int64_t first_ns, std::int64_t period_ns) {
    watch->due = first_ns < 0 ? -1 : world().virtual_ns + first_ns;
    watch->period = period_ns;
    g_timers.insert(watch);
    g_changed.notify_all();
}
void disarm(pv_watch* watch) { g_timers.erase(watch); }

Deadline::Deadline(std::int64_t due) : at_(g_deadlines.insert(due)) {}
Deadline::~Deadline() { g_deadlines.erase(at_); }

std::int64_t now_ns() {
    const LeafLock lock(g_mu);
    return world().virtual_ns;
}
bool settle(std::int64_t horizon_ns, double seconds) { return Settling(nullptr, nullptr, horizon_ns, seconds).run(); }
bool settle_until(bool (*done)(const void*), const void* ctx, std::int64_t horizon_ns, double seconds) {
    return Settling(done, ctx, horizon_ns, seconds).run();
}

} // namespace polyvirt::conform
