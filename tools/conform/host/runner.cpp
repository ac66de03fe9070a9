// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Threads of loops and jobs.

#include <array>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <polyvirt/abi/check.h>

#include "base/unique_fd.h"
#include "tools/conform/host/host.h"

namespace polyvirt::conform {
namespace {

constexpr double kLongest = 0.1; // the rule says 10 ms; a busy machine gets ten times that

// Seconds that the calling thread has been on or in line for a processor; negative: the kernel does not say.
double wanted_cpu() {
    const UniqueFd fd(::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC));
    char text[128];
    const ssize_t n = fd ? ::read(fd.get(), text, sizeof text - 1) : -1;
    if (n <= 0) return -1;
    text[n] = '\0';
    unsigned long long on = 0, waiting = 0;
    if (std::sscanf(text, "%llu %llu", &on, &waiting) != 2) return -1;
    return static_cast<double>(on + waiting) / 1e9;
}

} // namespace

void run_callback(pv_loop* loop, const char* what, const std::function<void()>& call) {
    {
        const LeafLock lock(g_mu);
        ++world().running;
        ++world().activity;
    }
    const double cpu = wanted_cpu();
    const auto began = std::chrono::steady_clock::now();
    {
        const PluginScope scope(PV_THREAD_LOOP, what);
        t_state.loop = loop;
        call();
    }
    const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    const double cpu_end = wanted_cpu();
    {
        const LeafLock lock(g_mu);
        --world().running;
        ++world().activity;
    }
    g_changed.notify_all();
    const bool known = cpu >= 0 && cpu_end >= 0;
    const double blocked = known ? wall - (cpu_end - cpu) : wall / 10;
    if (blocked > kLongest)
        complain("loops.brief", "{} on loop '{}' waited for {:.0f} ms, at most 10 are allowed", what, loop->name, blocked * 1000);
}

void give_task(pv_loop* loop, Task task) {
    task.loop = loop;
    loop->runner->enqueue(std::move(task));
}

Runner::Runner(std::string name)
    : name_(std::move(name)), epoll_(::epoll_create1(EPOLL_CLOEXEC)), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    epoll_event e{};
    e.events = EPOLLIN;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &e);
    thread_ = std::thread([this] { body(); });
}

void Runner::enqueue(Task task) {
    ++world().queued;
    ++world().activity;
    tasks_.push_back(std::move(task));
    wake();
}

void Runner::wake() const {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(event_, &one, sizeof one));
}

void Runner::end() {
    {
        const LeafLock lock(g_mu);
        ending_ = true;
        wake();
    }
    thread_.join();
    ::close(epoll_);
    ::close(event_);
}

void Runner::watch(pv_watch* w, bool fresh) {
    epoll_event e{};
    if ((w->events & PV_IO_READ) != 0) e.events |= EPOLLIN;
    if ((w->events & PV_IO_WRITE) != 0) e.events |= EPOLLOUT;
    e.data.ptr = w;
    ::epoll_ctl(epoll_, fresh ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, w->fd, &e);
}

void Runner::unwatch(pv_watch* w) {
    if (w->fd < 0) return;
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, w->fd, nullptr);
    ::close(w->fd); // the kit's duplicate
    w->fd = -1;
}

bool Runner::one_task() {
    Task task;
    bool closed = false;
    {
        const LeafLock lock(g_mu);
        if (tasks_.empty()) return false;
        task = std::move(tasks_.front());
        tasks_.pop_front();
        if (task.loop != nullptr) ++world().running; // a job may wait: whether it does is seen by its thread's sleeping
        --world().queued;
        closed = task.loop != nullptr && task.loop->closed;
    }
    if (task.run && !closed) task.run();
    if (task.release != nullptr) {
        const PluginScope scope(task.loop != nullptr ? PV_THREAD_LOOP : PV_THREAD_JOB, "a release function");
        t_state.loop = task.loop;
        task.release(task.ctx);
    }
    const LeafLock lock(g_mu);
    if (task.loop != nullptr) --world().running;
    ++world().activity;
    g_changed.notify_all();
    return true;
}

void Runner::handle_ready(int timeout) {
    std::array<epoll_event, 16> ready{};
    const int n = ::epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), timeout);
    for (int i = 0; i < n; ++i) {
        const epoll_event& e = ready[static_cast<std::size_t>(i)];
        auto* w = static_cast<pv_watch*>(e.data.ptr);
        if (w == nullptr) {
            std::uint64_t count = 0;
            static_cast<void>(!::read(event_, &count, sizeof count));
            continue;
        }
        std::uint32_t events = 0;
        std::int32_t fd = -1;
        {
            const LeafLock lock(g_mu);
            if (w->removed || w->loop->closed) continue;
            if ((e.events & EPOLLIN) != 0) events |= PV_IO_READ;
            if ((e.events & EPOLLOUT) != 0) events |= PV_IO_WRITE;
            if ((e.events & EPOLLERR) != 0) events |= (w->events & PV_IO_ERROR) != 0 ? std::uint32_t{PV_IO_ERROR} : w->events & (PV_IO_READ | PV_IO_WRITE);
            if ((e.events & EPOLLHUP) != 0) events |= (w->events & PV_IO_HANGUP) != 0 ? std::uint32_t{PV_IO_HANGUP} : w->events & (PV_IO_READ | PV_IO_WRITE);
            events &= w->events;
            fd = w->number;
        }
        if (events == 0) continue;
        run_callback(w->loop, "a handle's callback", [&] { w->fd_fn(w->ctx, fd, events); });
        while (one_task()) { // what it removed is released before the next one
        }
    }
}

void Runner::body() {
    ::pthread_setname_np(::pthread_self(), name_.substr(0, 15).c_str());
    while (true) {
        while (one_task()) {
        }
        {
            const LeafLock lock(g_mu);
            if (ending_ && tasks_.empty()) return;
        }
        handle_ready(-1);
    }
}

} // namespace polyvirt::conform
