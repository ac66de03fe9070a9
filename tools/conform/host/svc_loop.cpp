// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.loop/1

#include <fcntl.h>
#include <unistd.h>

#include "tools/conform/host/services.h"
#include "tools/conform/host/timers.h"

namespace polyvirt::conform {
namespace {

constexpr std::uint32_t kAllEvents = PV_IO_READ | PV_IO_WRITE | PV_IO_ERROR | PV_IO_HANGUP;

pv_loop* acquire(pv_host* host, std::uint32_t policy, const char* name) noexcept {
    const Service service("loop.acquire");
    if (service.fails()) return nullptr;
    if (policy < PV_LOOP_SHARED || policy > PV_LOOP_DEDICATED) {
        complain("services.arguments", "loop.acquire: policy {} is unknown", policy);
        return nullptr;
    }
    {
        const LeafLock lock(g_mu);
        if (world().handles.valid(host, service) == nullptr) return nullptr;
    }
    Runner* runner = policy == PV_LOOP_SHARED ? host->shared : new Runner(fmt::format("lo:{}", name != nullptr ? name : ""));
    const LeafLock lock(g_mu);
    pv_loop* loop = world().handles.add(std::make_unique<pv_loop>(), "loop");
    loop->host = host;
    loop->name = name != nullptr ? name : "";
    loop->runner = runner;
    loop->own_runner = policy != PV_LOOP_SHARED;
    host->loops.insert(loop);
    return loop;
}

} // namespace

void remove_watch(pv_watch* watch) {
    watch->removed = true;
    watch->gone = true;
    watch->loop->watches.erase(watch);
    watch->loop->runner->unwatch(watch);
    disarm(watch);
    if (watch->release != nullptr) give_task(watch->loop, {.release = watch->release, .ctx = watch->ctx, .what = "release of a watch"});
}

void close_loop(pv_loop* loop) {
    for (pv_watch* w : std::set<pv_watch*>(loop->watches)) remove_watch(w);
    loop->closed = true;
}

namespace {

void release(pv_loop* loop) noexcept {
    const Service service("loop.release");
    const LeafLock lock(g_mu);
    if (world().handles.valid(loop, service) == nullptr) return;
    loop->gone = true;
    if (!loop->closed) close_loop(loop);
}

pv_watch* new_watch(pv_loop* loop, void* ctx, pv_release_fn release_fn) PV_REQUIRES(g_mu) {
    pv_watch* w = world().handles.add(std::make_unique<pv_watch>(), "watch");
    w->loop = loop;
    w->ctx = ctx;
    w->release = release_fn;
    loop->watches.insert(w);
    return w;
}

pv_watch* add_fd(pv_loop* loop, std::int32_t fd, std::uint32_t events, pv_fd_fn fn, void* ctx, pv_release_fn release_fn) noexcept {
    const Service service("loop.add_fd");
    if (service.fails()) return nullptr;
    const int flags = ::fcntl(fd, F_GETFD);
    if (fn == nullptr || (events & ~kAllEvents) != 0 || flags < 0) {
        complain("services.arguments", "loop.add_fd: descriptor {}, events {:#x}, callback {}", fd, events, fn != nullptr ? "there" : "null");
        return nullptr;
    }
    const LeafLock lock(g_mu);
    if (world().handles.valid(loop, service) == nullptr || loop->closed) return nullptr;
    const int own = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) return nullptr;
    pv_watch* w = new_watch(loop, ctx, release_fn);
    w->fd = own;
    w->number = fd;
    w->events = events;
    w->fd_fn = fn;
    loop->runner->watch(w, true);
    return w;
}

void set_events(pv_watch* watch, std::uint32_t events) noexcept {
    const Service service("loop.set_events");
    const LeafLock lock(g_mu);
    if (world().handles.valid(watch, service) == nullptr || watch->fd < 0) return;
    watch->events = events & kAllEvents;
    watch->loop->runner->watch(watch, false);
}

pv_watch* add_timer(pv_loop* loop, std::int64_t first_ns, std::int64_t period_ns, pv_fn fn, void* ctx, pv_release_fn release_fn) noexcept {
    const Service service("loop.add_timer");
    if (service.fails()) return nullptr;
    if (fn == nullptr || period_ns < 0) {
        complain("services.arguments", "loop.add_timer: period {}, callback {}", period_ns, fn != nullptr ? "there" : "null");
        return nullptr;
    }
    const LeafLock lock(g_mu);
    if (world().handles.valid(loop, service) == nullptr || loop->closed) return nullptr;
    pv_watch* w = new_watch(loop, ctx, release_fn);
    w->fn = fn;
    arm(w, first_ns, period_ns);
    return w;
}

void set_timer(pv_watch* watch, std::int64_t first_ns, std::int64_t period_ns) noexcept {
    const Service service("loop.set_timer");
    const LeafLock lock(g_mu);
    if (world().handles.valid(watch, service) == nullptr || watch->fn == nullptr) return;
    arm(watch, first_ns, period_ns);
}

void remove(pv_watch* watch) noexcept {
    const Service service("loop.remove");
    const LeafLock lock(g_mu);
    // A loop that the host has closed took its watches along; giving them back late is allowed.
    if (watch != nullptr && watch->loop != nullptr && watch->removed && watch->loop->closed && !watch->loop->gone) return;
    if (world().handles.valid(watch, service) == nullptr) return;
    remove_watch(watch);
}

pv_status post(pv_loop* loop, pv_fn fn, void* ctx, pv_release_fn release_fn) noexcept {
    const Service service("loop.post");
    if (service.fails()) return PV_FAIL;
    const LeafLock lock(g_mu);
    if (fn == nullptr || world().handles.valid(loop, service) == nullptr) return PV_ABI;
    if (loop->closed) return PV_GONE;
    give_task(loop, {.run = [loop, fn, ctx] { run_callback(loop, "a posted function", [&] { fn(ctx); }); },
                     .release = release_fn, .ctx = ctx, .what = "posted function"});
    return PV_OK;
}

std::int64_t now(pv_host*) noexcept {
    const Service service("loop.now_ns");
    return now_ns();
}

std::int32_t on_loop(pv_loop* loop) noexcept {
    const Service service("loop.on_loop");
    return loop != nullptr && loop->runner != nullptr && loop->runner->mine() ? 1 : 0;
}

} // namespace

const pv_svc_loop kLoop = {sizeof(pv_svc_loop), 0, acquire, release, add_fd, set_events, add_timer, set_timer, remove, post, now, on_loop};

} // namespace polyvirt::conform
