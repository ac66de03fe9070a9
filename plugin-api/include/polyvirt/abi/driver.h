/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_DRIVER_H
#define POLYVIRT_ABI_DRIVER_H
/*
 * host.driver/1: ops of other drivers, entered through the host like a client's. Which driver it is follows from the
 * kind that the op's table is about: the instance itself if it has that kind, else the plugin that serves it. The
 * manifest of the caller lists the kinds that it `uses`; plugins whose lists lead in a circle are not started, so news
 * goes back as events alone. Whoever is behind `call` (its client, its permissions, its read-only connection) is
 * behind the other driver's call too; with NULL it is the host, who may everything. At most four calls deep.
 *
 * In every function below PV_ORDER means: the manifest does not list the kind, the calls are too deep, or this thread
 * must not. An error stands in `call` whenever the status is negative and `call` is not NULL.
 */
#include <polyvirt/abi/base.h>

#define PV_SVC_DRIVER "host.driver/1"

typedef struct pv_svc_driver {
    uint32_t size, _r;
    /* [any] leaf. 1: there is a driver for `op` (PV_OP_*), and it has it. */
    int32_t (*implements)(pv_host *host, uint32_t op) PV_NOEXCEPT;
    /* [any] leaf. The handle of an object of another driver, to be used with this service alone. `name` NULL: by
     * `uuid`; both are borrowed. `parent`: a handle of that driver, 0 = any. PV_GONE: there is none (no error recorded); PV_UNSUPPORTED:
     * no driver serves the kind. */
    pv_status (*find)(pv_host *host, pv_call *call, uint32_t kind, uint64_t parent, const char *name,
                      const uint8_t uuid[16], uint64_t *handle) PV_NOEXCEPT;
    /* [worker|init] re-entrant. Enters `op` on `object` (0: it has no target) and waits for its end. `in` and `out`
     * are the op's structs, zeroed and with their size set; builders in `out` are sinks of sink_new() (host.state/1)
     * or NULL, others cannot be given. Borrowed until the return; objects in `in` cannot be given. */
    pv_status (*call)(pv_host *host, pv_call *call, uint32_t op, uint64_t object, const void *in,
                      void *out) PV_NOEXCEPT;
    /* [any] leaf. The same without waiting: PV_PENDING, and `fn` runs once on `loop` with the result, also when the
     * other driver refuses; unless the loop ends before. `in` is copied; texts in it, `out` and `call` are borrowed
     * until `fn` has begun. Anything else than PV_PENDING: nothing was taken, `fn` will not run. */
    pv_status (*call_async)(pv_host *host, pv_call *call, uint32_t op, uint64_t object, const void *in, void *out,
                            pv_loop *loop, void (*fn)(void *ctx, pv_status status) PV_NOEXCEPT,
                            void *ctx) PV_NOEXCEPT;
} pv_svc_driver;

#endif
