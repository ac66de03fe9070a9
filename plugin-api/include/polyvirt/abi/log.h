/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_LOG_H
#define POLYVIRT_ABI_LOG_H
/* host.log/1 */
#include <polyvirt/abi/base.h>

#define PV_SVC_LOG "host.log/1"

enum { PV_LOG_DEBUG = 1, PV_LOG_INFO = 2, PV_LOG_WARNING = 3, PV_LOG_ERROR = 4 };

typedef struct pv_svc_log {
    uint32_t size, _r;
    /* [any] leaf. `category`: the part of the plugin ("monitor"). One line, no newline. Both texts are copied. */
    void (*write)(pv_host *host, int32_t level, const char *category, const char *text) PV_NOEXCEPT;
    /* [any] leaf. Lines below this level are dropped. */
    int32_t (*level)(pv_host *host) PV_NOEXCEPT;
} pv_svc_log;

#endif
