// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// FakeHost: host.loop and host.registry on the test's own thread, with a clock moved by hand. Callbacks run
// in pump(); nothing waits longer than that.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <poll.h>

#include <polyvirt/loop.h>

struct pv_watch {
    std::int32_t fd = -1;
    std::uint32_t events = 0;
    pv_fd_fn fd_fn = nullptr;
    pv_fn fn = nullptr;
    void* ctx = nullptr;
    pv_release_fn release = nullptr;
    std::int64_t due = -1, period = 0;
    bool removed = false;
};
struct pv_host;
struct pv_loop {
    pv_host* host;
};
struct pv_host {
    struct Post {
        pv_fn fn;
        void* ctx;
        pv_release_fn release;
    };
    struct Published {
        std::string name;
        std::int32_t dom_id, state;
        std::uint64_t attrs;
        void* data;
        pv_release_fn release;
    };
    std::int64_t now = 1'000'000'000;
    pv_loop loop{this};
    std::list<std::unique_ptr<pv_watch>> watches;
    std::deque<Post> posts;
    std::map<std::uint64_t, Published> objects;
    std::uint64_t next_handle = 1;
    bool refuse_publish = false;
};

namespace polyvirt::qemu::test {

class FakeHost {
  public:
    FakeHost() {
        services.host = &host;
        services.loop = &loop_table();
        services.registry = &registry_table();
    }
    ~FakeHost() {
        while (!host.watches.empty()) drop(host.watches.begin());
        for (auto& [handle, object] : host.objects) object.release(object.data);
    }

    // Runs what is ready until nothing is.
    void pump() {
        while (run_posts() || run_timers() || run_fds()) {
        }
        for (auto it = host.watches.begin(); it != host.watches.end();) {
            const auto next = std::next(it);
            if ((*it)->removed) drop(it);
            it = next;
        }
    }
    void advance(std::int64_t ns) {
        host.now += ns;
        pump();
    }

    pv_host host;
    plugin::Services services;

  private:
    using Iterator = std::list<std::unique_ptr<pv_watch>>::iterator;

    void drop(Iterator it) {
        const auto watch = std::move(*it);
        host.watches.erase(it);
        if (watch->release != nullptr) watch->release(watch->ctx);
    }
    bool run_posts() {
        if (host.posts.empty()) return false;
        const pv_host::Post post = host.posts.front();
        host.posts.pop_front();
        post.fn(post.ctx);
        if (post.release != nullptr) post.release(post.ctx);
        return true;
    }
    bool run_timers() {
        for (const auto& w : host.watches) {
            if (w->removed || w->fn == nullptr || w->due < 0 || w->due > host.now) continue;
            w->due = w->period > 0 ? w->due + w->period : -1;
            w->fn(w->ctx);
            return true;
        }
        return false;
    }
    bool run_fds() {
        for (const auto& w : host.watches) {
            if (w->removed || w->fd_fn == nullptr) continue;
            short wanted = 0;
            if ((w->events & PV_IO_READ) != 0) wanted |= POLLIN;
            if ((w->events & PV_IO_WRITE) != 0) wanted |= POLLOUT;
            pollfd p{w->fd, wanted, 0};
            if (::poll(&p, 1, 0) <= 0) continue;
            std::uint32_t what = 0;
            if ((p.revents & POLLIN) != 0) what |= PV_IO_READ;
            if ((p.revents & POLLOUT) != 0) what |= PV_IO_WRITE;
            if ((p.revents & (POLLHUP | POLLERR)) != 0) what |= PV_IO_HANGUP;
            w->fd_fn(w->ctx, w->fd, what);
            return true;
        }
        return false;
    }

    static pv_watch* add(pv_loop* loop, pv_watch w) {
        return loop->host->watches.emplace_back(std::make_unique<pv_watch>(w)).get();
    }
    static const pv_svc_loop& loop_table() {
        static const pv_svc_loop table{
            .size = sizeof(pv_svc_loop),
            ._r = 0,
            .acquire = [](pv_host* h, std::uint32_t, const char*) noexcept { return &h->loop; },
            .release = [](pv_loop*) noexcept {},
            .add_fd = [](pv_loop* l, std::int32_t fd, std::uint32_t events, pv_fd_fn fn, void* ctx, pv_release_fn release) noexcept {
                return add(l, {.fd = fd, .events = events, .fd_fn = fn, .ctx = ctx, .release = release});
            },
            .set_events = [](pv_watch* w, std::uint32_t events) noexcept { w->events = events; },
            .add_timer = [](pv_loop* l, std::int64_t first, std::int64_t period, pv_fn fn, void* ctx, pv_release_fn release) noexcept {
                return add(l, {.fn = fn, .ctx = ctx, .release = release, .due = first < 0 ? -1 : l->host->now + first, .period = period});
            },
            .set_timer = [](pv_watch* w, std::int64_t first, std::int64_t period) noexcept {
                w->due = first < 0 ? -1 : current().now + first;
                w->period = period;
            },
            .remove = [](pv_watch* w) noexcept { w->removed = true; },
            .post = [](pv_loop* l, pv_fn fn, void* ctx, pv_release_fn release) noexcept -> pv_status {
                l->host->posts.push_back({fn, ctx, release});
                return PV_OK;
            },
            .now_ns = [](pv_host* h) noexcept {
                current_ = h;
                return h->now;
            },
            .on_loop = [](pv_loop*) noexcept -> std::int32_t { return 1; },
        };
        return table;
    }
    static const pv_svc_registry& registry_table() {
        static const pv_svc_registry table{
            .size = sizeof(pv_svc_registry),
            ._r = 0,
            .publish = [](pv_host* h, pv_call*, const pv_obj_desc* d, std::uint64_t* handle) noexcept -> pv_status {
                if (h->refuse_publish) return PV_FAIL;
                *handle = h->next_handle++;
                h->objects[*handle] = {d->name, d->dom_id, d->state, d->attrs, d->data, d->release};
                return PV_OK;
            },
            .update = nullptr,
            .retire = [](pv_host* h, std::uint64_t handle) noexcept -> pv_status {
                const auto it = h->objects.find(handle);
                if (it == h->objects.end()) return PV_GONE;
                const auto object = it->second;
                h->objects.erase(it);
                object.release(object.data);
                return PV_OK;
            },
            .pin = nullptr,
            .unpin = nullptr,
            .find_uuid = nullptr,
            .find_name = nullptr,
        };
        return table;
    }
    static pv_host& current() { return *current_; }
    static inline pv_host* current_ = nullptr; // of the test that runs: set_timer() is not told its host
};

} // namespace polyvirt::qemu::test
