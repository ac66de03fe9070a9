/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_STREAM_H
#define POLYVIRT_ABI_STREAM_H
/*
 * host.stream/1: data between the client of a call and the plugin. The op takes its pv_stream from
 * host.call and, before it succeeds, either hands over a descriptor or installs callbacks. If the op
 * fails the stream is gone.
 */
#include <polyvirt/abi/base.h>
#include <polyvirt/abi/loop.h>

#define PV_SVC_STREAM "host.stream/1"

enum {
    PV_STREAM_TO_CLIENT = 1,
    PV_STREAM_FROM_CLIENT = 2,
    PV_STREAM_FRAMES = 4 /* attach_fd(): what passes is in frames, so that holes stay holes on both sides. Since 0.3 */
};
/* The head of a frame, in the machine's order of bytes. */
typedef struct pv_frame {
    uint32_t kind; /* PV_FRAME_* */
    uint32_t _r;
    uint64_t length; /* DATA: bytes that follow; HOLE: bytes that it stands for */
} pv_frame;
enum { PV_FRAME_DATA = 1, PV_FRAME_HOLE = 2, PV_FRAME_END = 3 };
enum { PV_STREAM_FINISHED = 0, PV_STREAM_ABORTED = 1, PV_STREAM_BROKEN = 2 };

/* Callbacks. The struct is copied by attach(). */
typedef struct pv_stream_ops {
    uint32_t size, _r;
    /* [loop] of attach(), as all of these. Bytes from the client, borrowed. Returns how many were taken; fewer: call
     * resume() for more. */
    size_t (*data)(void *ctx, const void *bytes, size_t length) PV_NOEXCEPT;
    /* [loop] A hole of `length` bytes from the client (sparse uploads). Negative: the stream is broken. */
    pv_status (*hole)(void *ctx, int64_t length) PV_NOEXCEPT;
    /* [loop] A send() would be taken again. */
    void (*writable)(void *ctx) PV_NOEXCEPT;
    /* [loop] The client asks to finish: answer with finish() or fail(). Must be there. */
    void (*finish)(void *ctx) PV_NOEXCEPT;
    /* [loop] Over, whoever ended it: PV_STREAM_*. The last callback; then release. */
    void (*closed)(void *ctx, uint32_t why) PV_NOEXCEPT;
} pv_stream_ops;

typedef struct pv_svc_stream {
    uint32_t size, _r;
    /* [any] leaf. The host copies between `fd` (its own from here on, also on failure; made non-blocking; a pipe,
     * socket or terminal: PV_UNSUPPORTED for files and disks) and the client in `directions` until either side
     * ends. `closed` runs once on `loop`, then `release`; both may be NULL, and neither runs on failure.
     * With PV_STREAM_FRAMES in `directions` a program of the plugin's is at the other end, and how that ends decides, not the
     * descriptor: the plugin says finish() or fail() then. The client's own wish to finish, of which that end hears by a
     * PV_FRAME_END if the client sends, is answered when finish() has been said; at once if not all has been sent to it. */
    pv_status (*attach_fd)(pv_stream *stream, int32_t fd, uint32_t directions, pv_loop *loop,
                           void (*closed)(void *ctx, uint32_t why) PV_NOEXCEPT, void *ctx,
                           pv_release_fn release) PV_NOEXCEPT;
    /* [any] leaf. `ops` is copied; `release` runs after the last callback, not on failure. PV_ABI: no finish(). */
    pv_status (*attach)(pv_stream *stream, const pv_stream_ops *ops, pv_loop *loop, void *ctx,
                        pv_release_fn release) PV_NOEXCEPT;
    /* [any] leaf, one thread at a time. Takes all (at most 1 MiB), or PV_BUSY and nothing: wait for writable(), also
     * while the op has not returned. PV_GONE: the stream is over. Bytes are copied. */
    pv_status (*send)(pv_stream *stream, const void *bytes, size_t length) PV_NOEXCEPT;
    pv_status (*send_hole)(pv_stream *stream, int64_t length) PV_NOEXCEPT;
    /* [any] leaf. No more data from here; the client then finishes. */
    pv_status (*send_eof)(pv_stream *stream) PV_NOEXCEPT;
    /* [any] leaf. More of what data() left is wanted. */
    void (*resume)(pv_stream *stream) PV_NOEXCEPT;
    /* [any] leaf. Answers finish(). */
    void (*finish)(pv_stream *stream) PV_NOEXCEPT;
    /* [any] leaf. Breaks the stream with an error, which is copied, at any time. */
    void (*fail)(pv_stream *stream, const pv_error *error) PV_NOEXCEPT;
    /* [any] leaf. How the copying of attach_fd() goes on; both are filled. `moved`: bytes that have passed through the
     * descriptor, heads too. `waits`: 1 = it is for the descriptor's other end that it waits; 0 = for the client, or there
     * is nothing to do. PV_GONE: the stream is over; PV_ORDER: it has no descriptor. Since 0.3. */
    pv_status (*progress)(pv_stream *stream, uint64_t *moved, int32_t *waits) PV_NOEXCEPT;
} pv_svc_stream;

#endif
