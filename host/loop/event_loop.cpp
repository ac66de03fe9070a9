// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/loop/event_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/log.h"
#include "host/loop/loop_state.h"

namespace polyvirt::loop {

using detail::Request;

Watch& Watch::operator=(Watch&& other) noexcept {
    if (this != &other) {
        remove();
        state_ = std::move(other.state_);
    }
    return *this;
}

void Watch::remove() {
    cancel();
    state_.reset();
}

void Watch::cancel() const {
    if (state_ == nullptr) return;
    state_->removed.store(true, std::memory_order_release);
    state_->loop->submit({.kind = Request::Kind::remove, .watch = state_});
}

void Watch::set_events(unsigned events) {
    if (state_ == nullptr) return;
    state_->loop->submit({.kind = Request::Kind::interest, .interest = events, .watch = state_});
}

void Watch::arm(std::chrono::nanoseconds delay, std::chrono::nanoseconds period) {
    if (state_ == nullptr || PV_BUG(state_->fd >= 0)) return;
    // Bounded so that the sum stays a time: 100 years is "never" enough.
    constexpr std::int64_t kNever = std::int64_t{100} * 365 * 86'400 * 1'000'000'000;
    const std::int64_t delay_ns = std::clamp<std::int64_t>(delay.count(), 0, kNever);
    const std::int64_t period_ns = std::clamp<std::int64_t>(period.count(), 0, kNever);
    state_->loop->submit({.kind = Request::Kind::arm,
                          .deadline_ns = detail::now_ns() + delay_ns,
                          .period_ns = period_ns,
                          .watch = state_});
}

void Watch::disarm() {
    if (state_ == nullptr || PV_BUG(state_->fd >= 0)) return;
    state_->loop->submit({.kind = Request::Kind::disarm, .watch = state_});
}

EventLoop::EventLoop(std::string name)
    : name_(std::move(name)), state_(std::make_shared<detail::LoopState>(name_)) {}

EventLoop::~EventLoop() { state_->close(); }

Watch EventLoop::add_fd(int fd, unsigned events, std::function<void(unsigned)> callback) {
    struct stat st = {};
    if (::fstat(fd, &st) != 0) {
        log::error("loop", "{}: descriptor {} cannot be watched: {}", name_, fd,
                   std::generic_category().message(errno));
        return {};
    }
    if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
        log::error("loop",
                   "{}: descriptor {} cannot be watched: it is a {}, expected a socket, a "
                   "pipe or a device",
                   name_, fd, S_ISREG(st.st_mode) ? "regular file" : "folder");
        return {};
    }
    return add_socket(fd, events, std::move(callback));
}

Watch EventLoop::add_socket(int fd, unsigned events, std::function<void(unsigned)> callback) {
    auto watch = std::make_shared<detail::WatchState>(state_, fd);
    watch->on_fd = std::move(callback);
    state_->submit({.kind = Request::Kind::add, .interest = events, .watch = watch});
    return Watch(std::move(watch));
}

Watch EventLoop::add_timer(std::function<void()> callback) {
    auto watch = std::make_shared<detail::WatchState>(state_, -1);
    watch->on_timer = std::move(callback);
    state_->submit({.kind = Request::Kind::add, .watch = watch});
    return Watch(std::move(watch));
}

bool EventLoop::post(std::function<void()> f) { return state_->post(std::move(f)); }

void EventLoop::run() { state_->run(); }

void EventLoop::stop() { state_->stop(); }

bool EventLoop::on_thread() const { return state_->on_thread(); }

// Words instead of a text under a lock: the watchdog looks while it holds its own. What it reads while this changes is
// mixed, but then the loop is not held.
EventLoop::Running::Running(EventLoop& loop, std::string_view owner, const void* code) : loop_(loop) {
    detail::LoopState& state = *loop_.state_;
    std::array<std::uint64_t, detail::kOwnerWords> words{};
    std::memcpy(words.data(), owner.data(), std::min(owner.size(), sizeof words));
    for (std::size_t i = 0; i < words.size(); ++i) state.running_owner[i].store(words[i], std::memory_order_relaxed);
    state.running_code.store(code, std::memory_order_relaxed);
}

EventLoop::Running::~Running() { loop_.state_->running_code.store(nullptr, std::memory_order_relaxed); }

EventLoop::RunningCode EventLoop::running() const {
    RunningCode now{{}, state_->running_code.load(std::memory_order_relaxed)};
    if (now.code == nullptr) return now;
    std::array<std::uint64_t, detail::kOwnerWords> words{};
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = state_->running_owner[i].load(std::memory_order_relaxed);
    const char* text = reinterpret_cast<const char*>(words.data());
    now.owner.assign(text, ::strnlen(text, sizeof words));
    return now;
}

std::int64_t EventLoop::busy_since_ns() const {
    return state_->busy_since.load(std::memory_order_relaxed);
}

namespace {

void* run_loop(void* arg) {
    static_cast<EventLoop*>(arg)->run();
    return nullptr;
}

} // namespace

LoopThread::LoopThread(EventLoop& loop, std::size_t stack_bytes) : loop_(loop) {
    pthread_attr_t attr;
    int error = pthread_attr_init(&attr);
    if (error == 0 && stack_bytes != 0) error = pthread_attr_setstacksize(&attr, stack_bytes);
    if (error == 0) {
        // Signals are the leader's: the thread is born with all of them blocked.
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        error = pthread_create(&thread_, &attr, run_loop, &loop);
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    pthread_attr_destroy(&attr);
    if (error != 0)
        throw std::system_error(error, std::generic_category(),
                                "event loop '" + loop.name() + "': its thread cannot be started");
    pthread_setname_np(thread_, loop.name().substr(0, 15).c_str());
}

LoopThread::~LoopThread() { stop_and_join(); }

void LoopThread::stop_and_join() {
    if (joined_) return;
    PV_ASSERT(!loop_.on_thread());
    loop_.stop();
    pthread_join(thread_, nullptr);
    joined_ = true;
}

} // namespace polyvirt::loop
