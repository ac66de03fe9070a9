/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_CLIENT_H
#define POLYVIRT_ABI_CLIENT_H
/* host.client/1 and the plugin's pv.client/1: who calls, and what must end with that client. */
#include <polyvirt/abi/base.h>

#define PV_SVC_CLIENT "host.client/1"
#define PV_IFACE_CLIENT "pv.client/1"

typedef struct pv_svc_client {
    uint32_t size, _r;
    /* [any] leaf. Stores, as data, that `kind` (the plugin's own number) is to be told about `object` when
     * `client` has gone: pv_client.closed, once, on the instance's shared loop, after the client's last call
     * has ended. PV_GONE: the client has gone already. Storing the same triple twice is one. */
    pv_status (*on_close)(pv_host *host, uint64_t client, uint32_t kind, uint64_t object) PV_NOEXCEPT;
    /* [any] leaf. Takes it back. PV_GONE: the client has gone, and closed() comes or has come. */
    pv_status (*forget)(pv_host *host, uint64_t client, uint32_t kind, uint64_t object) PV_NOEXCEPT;
    /* [any] leaf. One fact about the caller: "uid", "gid", "pid", "user", "group", "transport", "sasl-user",
     * "x509-dname". Copied into the caller's buffer, with its NUL. PV_UNSUPPORTED: unknown key or no such fact; PV_ABI: the
     * buffer is too short. */
    pv_status (*identity)(pv_call *call, const char *key, char *buffer, uint32_t length) PV_NOEXCEPT;
} pv_svc_client;

/* Implemented by plugins that use on_close(). */
typedef struct pv_client {
    uint32_t size, _r;
    /* [loop] of the instance. Cannot fail. */
    void (*closed)(pv_inst *inst, uint64_t client, uint32_t kind, uint64_t object) PV_NOEXCEPT;
} pv_client;

#endif
