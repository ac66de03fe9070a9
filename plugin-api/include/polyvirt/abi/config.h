/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_CONFIG_H
#define POLYVIRT_ABI_CONFIG_H
/* host.config/1: the plugin's part of the configuration (plugins.NAME in polyvirtd.yaml). */
#include <polyvirt/abi/base.h>

#define PV_SVC_CONFIG "host.config/1"

typedef struct pv_svc_config {
    uint32_t size, _r;
    /* [any] leaf. The scalar at `key` ("monitor.timeout"), as text. PV_GONE: not set. PV_ABI: the buffer is
     * too short. */
    pv_status (*get)(pv_host *host, const char *key, char *buffer, uint32_t length) PV_NOEXCEPT;
} pv_svc_config;

#endif
