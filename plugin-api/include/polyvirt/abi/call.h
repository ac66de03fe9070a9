/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_CALL_H
#define POLYVIRT_ABI_CALL_H
/* host.call/1: what an op may ask of and tell about its call. */
#include <polyvirt/abi/base.h>

#define PV_SVC_CALL "host.call/1"

typedef struct pv_svc_call {
    uint32_t size, _r;
    /* [any] leaf. Records why the call fails; copied; the first one stays until error_clear(). An op
     * that returns a negative status has recorded one, and one that returns PV_OK has not. */
    void (*error)(pv_call *call, const pv_error *error) PV_NOEXCEPT;
    void (*error_clear)(pv_call *call) PV_NOEXCEPT;
    /* [any] leaf. 1: nobody waits any more; only waits and pure reads should end for it. */
    int32_t (*cancelled)(pv_call *call) PV_NOEXCEPT;
    /* [any] leaf. CLOCK_MONOTONIC nanoseconds; 0: none. */
    int64_t (*deadline_ns)(pv_call *call) PV_NOEXCEPT;
    /* [any] leaf. `fn` runs at most once, on the instance's shared loop, never after complete(); `release` once, when
     * it cannot run any more. PV_ORDER: one is stored already, or the call is over; release does not run. */
    pv_status (*on_cancel)(pv_call *call, void (*fn)(void *ctx) PV_NOEXCEPT, void *ctx,
                           pv_release_fn release) PV_NOEXCEPT;
    /* [any] leaf. Exactly once for a call whose op returned PV_PENDING; may even run before that return.
     * The first one counts. in, out, obj and builders are gone when it returns. */
    void (*complete)(pv_call *call, pv_status status) PV_NOEXCEPT;
    /* [any] leaf. The client's id: never reused; 0: the host itself. */
    uint64_t (*client)(pv_call *call) PV_NOEXCEPT;
    /* [any] leaf. 1: the connection is read-only. */
    int32_t (*readonly)(pv_call *call) PV_NOEXCEPT;
    /* [any] leaf. Descriptors that came with the call: borrowed, dup() to keep; -1 past the last. */
    uint32_t (*nfds)(pv_call *call) PV_NOEXCEPT;
    int32_t (*fd)(pv_call *call, uint32_t index) PV_NOEXCEPT;
    /* [any] leaf. Sends `fd` with the reply; it is the host's from here on, also on failure. CLOEXEC. */
    pv_status (*add_reply_fd)(pv_call *call, int32_t fd) PV_NOEXCEPT;
    /* [any] leaf. The stream of a call that opens one; NULL for all others. The plugin owns it when the op
     * succeeds (host.stream/1). */
    pv_stream *(*stream)(pv_call *call) PV_NOEXCEPT;
    /* [any] leaf. A number for log lines that belong to this call. */
    uint64_t (*id)(pv_call *call) PV_NOEXCEPT;
} pv_svc_call;

#endif
