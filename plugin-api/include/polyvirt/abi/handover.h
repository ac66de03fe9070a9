/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_HANDOVER_H
#define POLYVIRT_ABI_HANDOVER_H
/*
 * pv.handover/1 and host.bag/1: how one generation of a plugin gives its state to the next, while clients stay
 * connected. Specified now so that drivers can be written for it; no host uses it yet, and none offers host.bag/1.
 *
 * The host drives: quiesce, save (old), restore (new), then retire (old); or, if anything fails before the new one
 * answers, resume (old). Between quiesce and retire or resume no op, job or callback of the instance runs. State
 * travels as sections keyed by (object, section); readers accept schemas one older and one newer than their own.
 */
#include <polyvirt/abi/base.h>

#define PV_SVC_BAG "host.bag/1"
#define PV_IFACE_HANDOVER "pv.handover/1"

typedef struct pv_bag pv_bag; /* opaque, of the host */

typedef struct pv_svc_bag {
    uint32_t size, _r;
    /* [quiesce] leaf. Stores bytes and descriptors of one section; `object` 0: of the instance itself. Copied and
     * dup()ed. PV_BUSY: more than the host takes; PV_ABI: the section is there already. */
    pv_status (*put)(pv_bag *bag, uint64_t object, const char *section, uint32_t schema, const void *data,
                     size_t length, const int32_t *fds, uint32_t nfds) PV_NOEXCEPT;
    /* [quiesce] leaf. Reads one section into `sink`. `fds`: room for `*nfds`, which becomes the number that there are;
     * those given are the caller's from here on, CLOEXEC. PV_GONE: there is none. */
    pv_status (*get)(const pv_bag *bag, uint64_t object, const char *section, uint32_t *schema, pv_sink *sink,
                     int32_t *fds, uint32_t *nfds) PV_NOEXCEPT;
    /* [quiesce] leaf. Calls `each` for every section, in order of put(); its texts are borrowed. Ends with the first
     * negative answer, and returns it. */
    pv_status (*each)(const pv_bag *bag,
                      pv_status (*each)(void *ctx, uint64_t object, const char *section, uint32_t schema) PV_NOEXCEPT,
                      void *ctx) PV_NOEXCEPT;
} pv_svc_bag;

/* Implemented by plugins that can be replaced while guests run. */
typedef struct pv_handover {
    uint32_t size;
    uint32_t schema; /* of what save() writes */
    /* [init] No new op comes, those inside are over. Stops own activity by `deadline_ns` (CLOCK_MONOTONIC). PV_BUSY:
     * cannot now; one line a reason is written to `blockers`, which is borrowed. */
    pv_status (*quiesce)(pv_inst *inst, int64_t deadline_ns, pv_sink *blockers) PV_NOEXCEPT;
    /* [quiesce] Writes everything into `bag` (borrowed) and changes nothing: resume() may follow. Negative: the
     * replacement is given up. */
    pv_status (*save)(pv_inst *inst, pv_bag *bag) PV_NOEXCEPT;
    /* [quiesce] The new generation, instead of start(): takes over what `bag` (borrowed) says. `how`:
     * PV_START_HANDOVER. Negative: destroy() follows, and the old one resumes. */
    pv_status (*restore)(pv_inst *inst, const pv_bag *bag, uint32_t how) PV_NOEXCEPT;
    /* [init] The old generation goes on as if nothing had been. Cannot fail. */
    void (*resume)(pv_inst *inst) PV_NOEXCEPT;
    /* [init] The old generation is over: ends no guest, removes no file, gives back no shared lock. Cannot fail;
     * destroy() follows, without stop(). */
    void (*retire)(pv_inst *inst) PV_NOEXCEPT;
} pv_handover;

#endif
