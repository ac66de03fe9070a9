// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/loop/loop_state.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csetjmp>
#include <exception>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <event2/thread.h>

#include "base/assert.h"
#include "base/log.h"
#include "host/loop/event_loop.h"
#include "host/loop/slot_memory.h"

namespace polyvirt::loop::detail {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

thread_local const LoopState* t_running = nullptr;

// Makes the calling thread the loop's for a while; nests, since one loop may be destroyed on
// another's thread.
class OnThread {
  public:
    explicit OnThread(const LoopState& loop) : before_(std::exchange(t_running, &loop)) {}
    ~OnThread() { t_running = before_; }
    OnThread(const OnThread&) = delete;
    OnThread& operator=(const OnThread&) = delete;

  private:
    const LoopState* before_;
};

void log_from_libevent(int severity, const char* text) {
    log::line(severity >= EVENT_LOG_ERR ? log::Level::error : log::Level::warning, "loop",
              "libevent: {}", text);
}

// libevent 2.1 ends the program when it has an epoll descriptor and then gets no pipe for signals:
// for a daemon that makes a loop for each guest, running short of descriptors must be survivable.
// This is the way out of event_base_new; over it stand C frames of libevent alone.
thread_local jmp_buf* t_way_out = nullptr;

void libevent_gave_up(int) {
    if (t_way_out != nullptr) longjmp(*t_way_out, 1);
    constexpr bool kLibeventCanGoOn = false;
    PV_ASSERT(kLibeventCanGoOn);
}

struct event_base* new_base(const struct event_config* config) {
    jmp_buf way_out;
    struct event_base* base = nullptr;
    if (setjmp(way_out) == 0) {
        t_way_out = &way_out;
        base = event_base_new_with_config(config);
    }
    t_way_out = nullptr;
    return base;
}

// The jump above would leak a descriptor, so that it is worth asking first: epoll and a pipe.
bool room_for_base(int any_fd) {
    const UniqueFd probes[] = {UniqueFd(::fcntl(any_fd, F_DUPFD_CLOEXEC, 0)),
                               UniqueFd(::fcntl(any_fd, F_DUPFD_CLOEXEC, 0)),
                               UniqueFd(::fcntl(any_fd, F_DUPFD_CLOEXEC, 0))};
    return probes[0] && probes[1] && probes[2];
}

struct event_base* make_base() {
    // For libevent's globals: the bases themselves have no locks.
    static const int threads_ready = [] {
        SlotMemory::give_to_libevent();
        event_set_log_callback(log_from_libevent);
        event_set_fatal_callback(libevent_gave_up);
        return evthread_use_pthreads();
    }();
    struct event_config* config = event_config_new();
    if (threads_ready != 0 || config == nullptr) return nullptr;
    // Without the cache a timer armed at the end of a long callback counts from there.
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV |
                                      EVENT_BASE_FLAG_NO_CACHE_TIME);
    event_config_require_features(config, EV_FEATURE_ET);
    struct event_base* base = new_base(config);
    event_config_free(config);
    return base;
}

// libevent shows error and hang-up as readable and writable; who asked for the difference pays
// for one more system call.
unsigned ask_kernel(int fd, unsigned interest) {
    struct pollfd p = {fd, POLLRDHUP, 0};
    if ((interest & kReadable) != 0) p.events |= POLLIN;
    if ((interest & kWritable) != 0) p.events |= POLLOUT;
    if (::poll(&p, 1, 0) < 0) return kError;
    unsigned what = 0;
    if ((p.revents & POLLIN) != 0) what |= kReadable;
    if ((p.revents & POLLOUT) != 0) what |= kWritable;
    if ((p.revents & (POLLERR | POLLNVAL)) != 0) what |= kError;
    if ((p.revents & (POLLHUP | POLLRDHUP)) != 0) what |= kHangup;
    return what;
}

void on_fd_event(evutil_socket_t, short events, void* arg) {
    auto& watch = *static_cast<WatchState*>(arg);
    if (watch.removed.load(std::memory_order_acquire)) return;
    unsigned what = 0;
    if ((watch.interest & (kError | kHangup)) != 0) {
        what = ask_kernel(watch.fd, watch.interest);
        if (what == 0) return;
    } else {
        if ((events & EV_READ) != 0) what |= kReadable;
        if ((events & EV_WRITE) != 0) what |= kWritable;
    }
    LoopState& loop = *watch.loop;
    if (!loop.enter([&] { watch.on_fd(what); })) loop.unlink(watch);
    loop.release_dead();
}

void on_timer_event(evutil_socket_t, short, void* arg) {
    auto& watch = *static_cast<WatchState*>(arg);
    watch.loop->timer_fired(watch);
}

// The round that follows takes the queues; nothing to do here.
void on_wake(evutil_socket_t, short, void*) {}

} // namespace

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
        .count();
}

LoopState::LoopState(std::string loop_name)
    : name(std::move(loop_name)), wake_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    const int error = errno;
    if (!wake_fd)
        throw std::system_error(error, std::generic_category(),
                                "event loop '" + name + "': eventfd");
    if (room_for_base(wake_fd.get())) base = make_base();
    if (base == nullptr)
        throw std::runtime_error(
            "event loop '" + name +
            "': no base to be had (out of descriptors or memory; a loop needs four)");
    event_assign(&wake_event, base, wake_fd.get(), EV_READ | EV_PERSIST | EV_ET, on_wake, nullptr);
    if (event_add(&wake_event, nullptr) != 0) {
        event_base_free(base);
        throw std::runtime_error("event loop '" + name + "': its wake-up cannot be watched");
    }
}

LoopState::~LoopState() = default;

bool LoopState::on_thread() const { return t_running == this; }

template <typename F> bool LoopState::enter(F&& f) {
    sleeping.store(false, std::memory_order_relaxed);
    busy_since.store(now_ns(), std::memory_order_relaxed);
    bool ok = false;
    try {
        f();
        ok = true;
    } catch (const std::exception& e) {
        log::error("loop", "{}: a callback threw: {}", name, e.what());
    } catch (...) {
        log::error("loop", "{}: a callback threw", name);
    }
    lock_rank::assert_none_held("returning to the event loop");
    busy_since.store(0, std::memory_order_relaxed);
    const bool a_callback_threw = !ok;
    return !PV_BUG(a_callback_threw);
}

void LoopState::submit(Request request) {
    if (on_thread()) {
        // What other threads asked for came first: above all, a descriptor's number may have been
        // reused since.
        apply_requests();
        apply(request);
        return;
    }
    {
        LeafLock lock(mu);
        if (closed) return;
        requests.push_back(std::move(request));
        has_requests.store(true);
    }
    wake();
}

bool LoopState::post(std::function<void()> f) {
    {
        LeafLock lock(mu);
        if (posts_refused) return false;
        posts.push_back(std::move(f));
        has_posts.store(true);
    }
    if (!on_thread()) wake();
    return true;
}

void LoopState::stop() {
    stopping.store(true);
    wake();
}

void LoopState::wake() {
    if (sleeping.load() && sleeping.exchange(false)) {
        // Fails only when the counter is full, and then the loop is awake.
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto n = ::write(wake_fd.get(), &one, sizeof one);
    }
}

void LoopState::run() {
    PV_ASSERT(t_running == nullptr);
    const OnThread here(*this);
    while (true) {
        apply_requests();
        run_posts();
        release_dead();
        if (stopping.load()) break;
        sleeping.store(true);
        const bool idle = !has_posts.load() && !has_requests.load() && !stopping.load();
        event_base_loop(base, idle ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK);
        sleeping.store(false, std::memory_order_relaxed);
    }
    // Every accepted post runs; what these post is refused, so this ends.
    {
        LeafLock lock(mu);
        posts_refused = true;
    }
    run_posts();
    apply_requests();
    release_dead();
}

void LoopState::apply_requests() {
    while (has_requests.exchange(false)) {
        std::vector<Request> batch;
        batch.swap(request_batch);
        {
            LeafLock lock(mu);
            batch.swap(requests);
        }
        for (Request& request : batch) apply(request);
        batch.clear();
        request_batch.swap(batch);
    }
}

void LoopState::run_posts() {
    if (!has_posts.exchange(false)) return;
    {
        LeafLock lock(mu);
        post_batch.swap(posts);
    }
    for (auto& f : post_batch) {
        enter([&] {
            f();
            f = nullptr;
        });
        release_dead();
    }
    post_batch.clear();
}

void LoopState::apply(Request& request) {
    WatchState& watch = *request.watch;
    if (request.kind == Request::Kind::add) {
        link(std::move(request.watch), request.interest);
        return;
    }
    if (!watch.linked) return;
    switch (request.kind) {
    case Request::Kind::add: break;
    case Request::Kind::remove: unlink(watch); break;
    case Request::Kind::interest: set_interest(watch, request.interest); break;
    case Request::Kind::arm:
        watch.deadline_ns = request.deadline_ns;
        watch.period_ns = request.period_ns;
        schedule(watch, watch.deadline_ns - now_ns());
        break;
    case Request::Kind::disarm: event_del(&watch.events[0]); break;
    }
}

void LoopState::link(std::shared_ptr<WatchState> watch, unsigned interest) {
    WatchState& w = *watch;
    w.self = std::move(watch);
    w.linked = true;
    w.next = watches;
    if (watches != nullptr) watches->prev = &w;
    watches = &w;
    if (w.fd < 0)
        event_assign(&w.events[0], base, -1, 0, on_timer_event, &w);
    else if (!w.removed.load(std::memory_order_acquire))
        set_interest(w, interest);
}

void LoopState::unlink(WatchState& watch) {
    watch.removed.store(true, std::memory_order_release);
    if (!watch.linked) return;
    if (watch.fd < 0)
        event_del(&watch.events[0]);
    else
        set_interest(watch, 0);
    watch.linked = false;
    (watch.prev != nullptr ? watch.prev->next : watches) = watch.next;
    if (watch.next != nullptr) watch.next->prev = watch.prev;
    watch.prev = nullptr;
    watch.next = dead;
    dead = &watch;
}

void LoopState::set_interest(WatchState& watch, unsigned interest) {
    const auto flags = [](unsigned i) {
        return static_cast<short>(((i & kReadable) != 0 ? EV_READ : 0) |
                                  ((i & kWritable) != 0 ? EV_WRITE : 0));
    };
    const short before = flags(watch.interest);
    const short after = flags(interest);
    watch.interest = interest;
    if (before == after) return;
    struct event& old = watch.events[watch.current];
    if (after != 0) {
        watch.current ^= 1U;
        struct event& fresh = watch.events[watch.current];
        event_assign(&fresh, base, watch.fd, static_cast<short>(after | EV_PERSIST), on_fd_event,
                     &watch);
        if (event_add(&fresh, nullptr) != 0) {
            log::error("loop", "{}: descriptor {} cannot be watched: {}", name, watch.fd,
                       std::generic_category().message(errno));
            watch.interest = 0;
        }
    }
    if (before != 0) event_del(&old);
}

void LoopState::schedule(WatchState& watch, std::int64_t delay_ns) {
    const std::int64_t ns = std::max<std::int64_t>(delay_ns, 0) + 999;
    const struct timeval tv = {ns / kSecond, static_cast<suseconds_t>(ns % kSecond / 1000)};
    if (event_add(&watch.events[0], &tv) != 0)
        log::error("loop", "{}: out of memory for a timer", name);
}

void LoopState::timer_fired(WatchState& watch) {
    if (watch.removed.load(std::memory_order_acquire)) return;
    const std::int64_t now = now_ns();
    // libevent reckons by the kernel's coarse clock, which lags by up to one tick: never be early.
    if (now < watch.deadline_ns) {
        schedule(watch, watch.deadline_ns - now);
        return;
    }
    if (watch.period_ns > 0) {
        // Missed rounds are left out, the phase is kept.
        watch.deadline_ns += ((now - watch.deadline_ns) / watch.period_ns + 1) * watch.period_ns;
        schedule(watch, watch.deadline_ns - now);
    }
    if (!enter([&] { watch.on_timer(); })) unlink(watch);
    release_dead();
}

void LoopState::release_dead() {
    while (dead != nullptr) {
        WatchState& watch = *dead;
        dead = watch.next;
        watch.next = nullptr;
        const std::shared_ptr<WatchState> last = std::move(watch.self);
        enter([&] {
            watch.on_fd = nullptr;
            watch.on_timer = nullptr;
        });
    }
}

void LoopState::close() {
    std::vector<std::function<void()>> unrun;
    {
        LeafLock lock(mu);
        closed = posts_refused = true;
        unrun.swap(posts);
    }
    {
        const OnThread here(*this);
        apply_requests();
        unrun.clear();
        do {
            while (watches != nullptr) unlink(*watches);
            release_dead();
        } while (watches != nullptr);
        event_del(&wake_event);
    }
    event_base_free(base);
    base = nullptr;
}

} // namespace polyvirt::loop::detail
