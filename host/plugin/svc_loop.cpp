// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.loop/1
#include <polyvirt/abi/loop.h>

#include <chrono>

#include "host/plugin/context.h"
#include "host/plugin/service.h"

namespace polyvirt::plugin {
namespace {

// The ABI's event bits are the loop's.
constexpr bool same(unsigned abi, unsigned ours) { return abi == ours; }
static_assert(same(PV_IO_READ, loop::kReadable) && same(PV_IO_WRITE, loop::kWritable) &&
              same(PV_IO_ERROR, loop::kError) && same(PV_IO_HANGUP, loop::kHangup));
constexpr std::uint32_t kAllEvents = PV_IO_READ | PV_IO_WRITE | PV_IO_ERROR | PV_IO_HANGUP;

pv_loop* acquire(pv_host* host, std::uint32_t policy, const char* name) noexcept {
    if (host == nullptr) return nullptr;
    return guarded(static_cast<pv_loop*>(nullptr), [&]() -> pv_loop* {
        HostLoop* own = nullptr;
        loop::EventLoop* loop = nullptr;
        LoopPool& pool = host->shared.loops;
        if (policy == PV_LOOP_SHARED) loop = &host->loop->loop;
        if (policy == PV_LOOP_POOLED) loop = pool.pooled();
        if (policy == PV_LOOP_DEDICATED) {
            own = pool.dedicated();
            loop = own != nullptr ? &own->loop : nullptr;
        }
        if (loop == nullptr) return nullptr;
        StrandOwner owner{host->plugin_id + "/" + std::string(name != nullptr ? name : "").substr(0, 11), &host->census,
                          &host->callbacks};
        auto handle = std::make_unique<pv_loop>();
        handle->strand = std::make_shared<Strand>(std::move(owner), *loop, pool, own);
        handle->host = host;
        return host->loops.add(std::move(handle));
    });
}

void release(pv_loop* loop) noexcept {
    if (loop == nullptr) return;
    guarded(0, [&] {
        const std::unique_ptr<pv_loop> owned = loop->host->loops.take(loop);
        if (PV_BUG(!owned)) return 0;
        owned->strand->close(false);
        owned->strand->forget_handles(); // of a strand that the host had closed already
        return 0;
    });
}

pv_watch* add_fd(pv_loop* loop, std::int32_t fd, std::uint32_t events, pv_fd_fn fn, void* ctx,
                 pv_release_fn release_fn) noexcept {
    if (loop == nullptr || fd < 0 || fn == nullptr || (events & ~kAllEvents) != 0) return nullptr;
    return guarded(static_cast<pv_watch*>(nullptr),
                   [&] { return loop->strand->add_fd(fd, events, fn, ctx, release_fn); });
}

void set_events(pv_watch* watch, std::uint32_t events) noexcept {
    if (watch == nullptr || (events & ~kAllEvents) != 0) return;
    guarded(0, [&] {
        watch->watch->set_events(events);
        return 0;
    });
}

pv_watch* add_timer(pv_loop* loop, std::int64_t first_ns, std::int64_t period_ns, pv_fn fn, void* ctx,
                    pv_release_fn release_fn) noexcept {
    if (loop == nullptr || fn == nullptr || period_ns < 0) return nullptr;
    return guarded(static_cast<pv_watch*>(nullptr),
                   [&] { return loop->strand->add_timer(first_ns, period_ns, fn, ctx, release_fn); });
}

void set_timer(pv_watch* watch, std::int64_t first_ns, std::int64_t period_ns) noexcept {
    if (watch == nullptr || period_ns < 0) return;
    guarded(0, [&] {
        if (first_ns < 0) watch->watch->disarm();
        else watch->watch->arm(std::chrono::nanoseconds(first_ns), std::chrono::nanoseconds(period_ns));
        return 0;
    });
}

void remove(pv_watch* watch) noexcept {
    if (watch == nullptr) return;
    guarded(0, [&] {
        const std::shared_ptr<Strand> strand = watch->strand;
        strand->remove(watch);
        return 0;
    });
}

pv_status post(pv_loop* loop, pv_fn fn, void* ctx, pv_release_fn release_fn) noexcept {
    if (loop == nullptr || fn == nullptr) return PV_ABI;
    return guarded(pv_status{PV_FAIL},
                   [&]() -> pv_status { return loop->strand->post(fn, ctx, release_fn) ? PV_OK : PV_GONE; });
}

std::int64_t now_ns(pv_host* /*host*/) noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(loop::Clock::now().time_since_epoch()).count();
}

std::int32_t on_loop(pv_loop* loop) noexcept {
    return loop != nullptr && loop->strand->loop().on_thread() ? 1 : 0;
}

constexpr pv_svc_loop kLoopTable = {sizeof(pv_svc_loop), 0,         acquire, release, add_fd, set_events,
                                add_timer,           set_timer, remove,  post,    now_ns, on_loop};

} // namespace

const Service kLoopService{PV_SVC_LOOP, &kLoopTable};

} // namespace polyvirt::plugin
