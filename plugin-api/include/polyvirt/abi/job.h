/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_JOB_H
#define POLYVIRT_ABI_JOB_H
/*
 * host.job/1: background work, and the per-object job that stands for "something long is being done to
 * it" while no lock is held.
 */
#include <polyvirt/abi/base.h>
#include <polyvirt/abi/loop.h>

#define PV_SVC_JOB "host.job/1"

/* What excludes what: QUERY goes with everything but MODIFY and DESTROY; MODIFY with ASYNC alone when the
 * async job allows it (begun as PV_JOB_ASYNC | PV_JOB_ALLOW_MODIFY); DESTROY waits for QUERY and MODIFY but
 * goes beside ASYNC (it ends it). Waiters get their turn in order, DESTROY first. */
enum {
    PV_JOB_QUERY = 1,
    PV_JOB_MODIFY = 2,
    PV_JOB_DESTROY = 3,
    PV_JOB_ASYNC = 4,
    PV_JOB_ALLOW_MODIFY = 0x100
};

typedef struct pv_svc_job {
    uint32_t size, _r;
    /* [any] leaf. Runs `fn` on a worker. Submissions with one non-zero `strand` run one after another, in
     * order. PV_BUSY: too many are queued; nothing was taken and release is not called. */
    pv_status (*submit)(pv_host *host, uint64_t strand, pv_fn fn, void *ctx,
                        pv_release_fn release) PV_NOEXCEPT;
    /* [any] re-entrant. Waits until the object's job is free for `job_class`, at most `timeout_ns` (the
     * worker is parked meanwhile). PV_DEADLINE records an error (code 68) that names the holder, `what` it
     * does and since when. `what` is static text. `call` may be NULL. */
    pv_status (*begin)(pv_host *host, pv_call *call, uint64_t object, uint32_t job_class,
                       const char *what, int64_t timeout_ns) PV_NOEXCEPT;
    /* [any] leaf. The same without waiting: PV_OK, or PV_PENDING and `fn` runs on `loop` once it is held
     * (status PV_OK) or the time is up (PV_DEADLINE). `what` is static text. Anything else: nothing was taken, `fn`
     * will not run, and the error stands in `call`. */
    pv_status (*begin_async)(pv_host *host, pv_call *call, uint64_t object, uint32_t job_class,
                             const char *what, int64_t timeout_ns, pv_loop *loop,
                             void (*fn)(void *ctx, pv_status status) PV_NOEXCEPT,
                             void *ctx) PV_NOEXCEPT;
    /* [any] leaf. Any thread may end it. */
    void (*end)(pv_host *host, uint64_t object, uint32_t job_class) PV_NOEXCEPT;
} pv_svc_job;

#endif
