/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_BUILD_H
#define POLYVIRT_ABI_BUILD_H
/*
 * host.build/1: the only way to return data whose size is not fixed. The builders stand in the op's
 * `out` struct, made by the host; everything given to them is copied. [any] leaf, all of them; one
 * thread at a time per call. PV_ABI: a null or a size that makes no sense; PV_FAIL: more than the reply may have. From
 * the first failure on the builder refuses all, and the call fails with the host's error whatever the op returns.
 */
#include <polyvirt/abi/base.h>

#define PV_SVC_BUILD "host.build/1"

typedef struct pv_svc_build {
    uint32_t size, _r;
    /* Appends bytes. A text needs no terminating NUL. Never writing means "absent" where that exists. */
    pv_status (*write)(pv_sink *sink, const void *data, size_t length) PV_NOEXCEPT;
    /* Appends one parameter; fields of one list are unique (host keeps order). */
    pv_status (*add_param)(pv_params *params, const pv_param *param) PV_NOEXCEPT;
    pv_status (*add_string)(pv_strings *strings, const char *text) PV_NOEXCEPT;
    /* Appends a published object. */
    pv_status (*add_object)(pv_objs *objects, uint64_t handle) PV_NOEXCEPT;
    /* Appends a struct of the list's record type (generated headers), texts in it are copied. */
    pv_status (*add_record)(pv_records *records, const void *record) PV_NOEXCEPT;
    /* Begins the parameters of one object (0: of none, where the op says so); valid until the next begin.
     * NULL: as PV_FAIL. */
    pv_params *(*begin_group)(pv_groups *groups, uint64_t handle) PV_NOEXCEPT;
} pv_svc_build;

#endif
