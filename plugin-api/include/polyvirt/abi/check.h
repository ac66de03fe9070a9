/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_CHECK_H
#define POLYVIRT_ABI_CHECK_H
/* host.check/1: what makes the lock and thread rules checkable at run time. May be absent. */
#include <polyvirt/abi/base.h>

#define PV_SVC_CHECK "host.check/1"

enum {
    PV_THREAD_OTHER = 0,
    PV_THREAD_INIT = 1,
    PV_THREAD_WORKER = 2,
    PV_THREAD_LOOP = 3,
    PV_THREAD_JOB = 4
};

typedef struct pv_svc_check {
    uint32_t size, _r;
    /* [any] leaf. Address of the calling thread's byte of held lock ranks: bit 0 server, 1 client, 2 driver,
     * 3 object, 4 leaf. Valid as long as the thread. Never NULL. */
    uint8_t *(*lock_rank)(void) PV_NOEXCEPT;
    /* [any] leaf. PV_THREAD_*: which kind of thread the host takes this one for. */
    uint32_t (*thread_kind)(void) PV_NOEXCEPT;
} pv_svc_check;

#endif
