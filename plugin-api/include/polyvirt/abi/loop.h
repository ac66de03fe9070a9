/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_LOOP_H
#define POLYVIRT_ABI_LOOP_H
/*
 * host.loop/1: handles, timeouts and posted functions. A pv_loop is a strand: its callbacks never
 * overlap. They must not block for more than 10 ms; a watchdog names who does.
 * [any] leaf, all of them. remove() is legal inside the own callback; after `release` has run (on the
 * loop, exactly once) no callback of that watch runs.
 */
#include <polyvirt/abi/base.h>

#define PV_SVC_LOOP "host.loop/1"

enum {
    PV_LOOP_SHARED = 1,   /* the plugin's one shared thread */
    PV_LOOP_POOLED = 2,   /* one of a few threads shared by all plugins */
    PV_LOOP_DEDICATED = 3 /* a thread of its own, ends with the loop */
};
enum { PV_IO_READ = 1, PV_IO_WRITE = 2, PV_IO_ERROR = 4, PV_IO_HANGUP = 8 };

typedef void (*pv_fd_fn)(void *ctx, int32_t fd, uint32_t events) PV_NOEXCEPT;
typedef void (*pv_fn)(void *ctx) PV_NOEXCEPT;

typedef struct pv_svc_loop {
    uint32_t size, _r;
    /* `name`: at most 11 bytes count. NULL: no thread or descriptor to be had. */
    pv_loop *(*acquire)(pv_host *host, uint32_t policy, const char *name) PV_NOEXCEPT;
    /* Its watches are removed and must not be used any more, nor the loop; no callback begins after this, what was
     * posted is released unrun; its thread ends when all that is released. Legal on the loop itself. */
    void (*release)(pv_loop *loop) PV_NOEXCEPT;
    /* `fd` (a socket, pipe or device, not a file) stays the caller's, open until `release` has run. NULL on failure:
     * release has not run and will not. Hang-up and error show as PV_IO_READ or PV_IO_WRITE; who asks for
     * PV_IO_ERROR or PV_IO_HANGUP besides is told them apart. */
    pv_watch *(*add_fd)(pv_loop *loop, int32_t fd, uint32_t events, pv_fd_fn fn, void *ctx,
                        pv_release_fn release) PV_NOEXCEPT;
    void (*set_events)(pv_watch *watch, uint32_t events) PV_NOEXCEPT;
    /* `first_ns` < 0: made disarmed. `period_ns` 0: once. */
    pv_watch *(*add_timer)(pv_loop *loop, int64_t first_ns, int64_t period_ns, pv_fn fn, void *ctx,
                           pv_release_fn release) PV_NOEXCEPT;
    void (*set_timer)(pv_watch *watch, int64_t first_ns, int64_t period_ns) PV_NOEXCEPT;
    /* Asynchronous; the watch must not be used afterwards. */
    void (*remove)(pv_watch *watch) PV_NOEXCEPT;
    /* Runs `fn` once on the loop, in order of the posts. Released after it, also if it never ran. On failure
     * (negative) nothing was taken and release will not run. */
    pv_status (*post)(pv_loop *loop, pv_fn fn, void *ctx, pv_release_fn release) PV_NOEXCEPT;
    /* CLOCK_MONOTONIC nanoseconds; a virtual clock in the conformance kit. */
    int64_t (*now_ns)(pv_host *host) PV_NOEXCEPT;
    /* 1 on the loop's own thread. */
    int32_t (*on_loop)(pv_loop *loop) PV_NOEXCEPT;
} pv_svc_loop;

#endif
