/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_STATE_H
#define POLYVIRT_ABI_STATE_H
/*
 * host.state/1: what must survive. Each record is one file, written whole to a temporary name, synced,
 * renamed, its folder synced, before put() returns; of STATUS and CACHE, which need not outlive the machine, without the
 * syncing. [any] leaf in the sense of locks, but it waits for
 * the disk: not on a loop that must not block. Names and data are borrowed until the return; what `each` is called with
 * as long as that call. PV_ABI: a null, an area or a name that cannot be; any other negative status: see the log and, if
 * there is one, the error in `call`.
 */
#include <polyvirt/abi/base.h>

#define PV_SVC_STATE "host.state/1"

enum {
    PV_STATE_CONFIG = 1, /* what users defined: for ever */
    PV_STATE_STATUS = 2, /* what runs: until the host reboots */
    PV_STATE_DATA = 3,   /* saves, NVRAM lists, ...: for ever */
    PV_STATE_CACHE = 4   /* may vanish at any time */
};

typedef struct pv_svc_state {
    uint32_t size, _r;
    /* `name`: relative, at most one '/' ("autostart/vm1.xml"), no "." or "..", at most 200 bytes a part, not
     * ending in ".broken"; at most 64 MiB of data. On
     * failure (disk full, ...) the earlier record stands, and the error in `call` names the file. */
    pv_status (*put)(pv_host *host, pv_call *call, uint32_t area, const char *name, const void *data,
                     size_t length) PV_NOEXCEPT;
    /* PV_GONE: there is none (no error recorded). */
    pv_status (*get)(pv_host *host, pv_call *call, uint32_t area, const char *name,
                     pv_sink *sink) PV_NOEXCEPT;
    /* Absent is success. */
    pv_status (*del)(pv_host *host, pv_call *call, uint32_t area, const char *name) PV_NOEXCEPT;
    /* Calls `each` with the name and contents of every record of `folder` ("" = top), in order of names.
     * Temporary files of a crashed writer are removed, not shown. A record that cannot be read is logged by
     * name and skipped. */
    pv_status (*each)(pv_host *host, pv_call *call, uint32_t area, const char *folder,
                      void (*each)(void *ctx, const char *name, const void *data, size_t length)
                          PV_NOEXCEPT,
                      void *ctx) PV_NOEXCEPT;
    /* Moves a record that makes no sense aside (NAME.broken) and logs `why`; nothing is lost. */
    pv_status (*set_aside)(pv_host *host, uint32_t area, const char *name, const char *why) PV_NOEXCEPT;
    /* A sink of the plugin's own, for get() and run(), until sink_free(); NULL if out of memory. sink_data() stays valid
     * until more is written; NULL: nothing was. */
    pv_sink *(*sink_new)(pv_host *host, size_t max_length) PV_NOEXCEPT;
    const char *(*sink_data)(pv_sink *sink, size_t *length) PV_NOEXCEPT;
    void (*sink_free)(pv_sink *sink) PV_NOEXCEPT;
} pv_svc_state;

#endif
