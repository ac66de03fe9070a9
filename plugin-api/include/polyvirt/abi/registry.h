/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_REGISTRY_H
#define POLYVIRT_ABI_REGISTRY_H
/*
 * host.registry/1: the one index of all objects. Lists, counts, look-ups, is-active and the like are
 * answered from it and never reach a driver, so a plugin publishes what exists and keeps it current.
 * Scoped by instance. [any] leaf, all of them. Descriptions, updates, names and uuids are copied. PV_ABI: a null, size
 * or bit that makes no sense; PV_GONE: no such object.
 */
#include <polyvirt/abi/base.h>

#define PV_SVC_REGISTRY "host.registry/1"

/* A further key of an object. Look-ups, filters of lists and answers use these (docs/host-answers.md says for what):
 *   volume      "key", "path" (no repeated slashes)
 *   pool        "type" ("dir", "fs", ... as in its document), "target-path"
 *   interface   "mac" (lower case)
 *   nodedev     "parent", "cap" (once per capability: "pci", "net", "scsi_host", "fc_host", ...), "wwnn", "wwpn"
 *   secret      "usage-type" (number), "usage-id"
 *   nwfilter_binding   "filter"
 *   snapshot, checkpoint   "parent" (a name among its kind and domain; absent = root) */
typedef struct pv_key {
    const char *name, *value;
} pv_key;

typedef struct pv_obj_desc {
    uint32_t size, kind;
    const char *name;       /* unique among the kind and parent; not empty */
    uint8_t uuid[16];       /* unique among the kind, where the kind has one; else zero */
    int32_t dom_id;         /* domains: > 0 while running, else -1 */
    int32_t state, reason;  /* domains: the wire's state and reason */
    uint32_t nkeys;
    uint64_t attrs;         /* PV_ATTR_* */
    uint64_t parent;        /* handle, 0 = none */
    const pv_key *keys;
    void *data;             /* handed back in pv_obj.data */
    pv_release_fn release;  /* of `data`: after retire(), when no call has it pinned; may be NULL */
} pv_obj_desc;

enum {
    PV_UPDATE_ATTRS = 1, /* attrs: bits in `attrs_mask` are set to those of `attrs` */
    PV_UPDATE_STATE = 2, /* state, reason */
    PV_UPDATE_ID = 4,    /* dom_id */
    PV_UPDATE_NAME = 8,  /* name, atomically */
    PV_UPDATE_KEYS = 16  /* keys: these instead of all that there were */
};
typedef struct pv_obj_update {
    uint32_t size, what; /* PV_UPDATE_* bits: applied together, seen together */
    uint64_t attrs, attrs_mask;
    int32_t state, reason, dom_id;
    uint32_t nkeys;
    const char *name;
    const pv_key *keys;
} pv_obj_update;

typedef struct pv_svc_registry {
    uint32_t size, _r;
    /* Makes an object visible. PV_FAIL if name, uuid or id is taken (the error says by whom) or, inside a
     * define, if they are not those that the caller was authorised for. `call` may be NULL (start-up). */
    pv_status (*publish)(pv_host *host, pv_call *call, const pv_obj_desc *desc,
                         uint64_t *handle) PV_NOEXCEPT;
    pv_status (*update)(pv_host *host, uint64_t handle, const pv_obj_update *update) PV_NOEXCEPT;
    /* Makes it invisible at once; `data` is released when the last pin is gone. Children go with it. */
    pv_status (*retire)(pv_host *host, uint64_t handle) PV_NOEXCEPT;
    /* The object's data, pinned until unpin(); NULL if it is retired. */
    void *(*pin)(pv_host *host, uint64_t handle) PV_NOEXCEPT;
    void (*unpin)(pv_host *host, uint64_t handle) PV_NOEXCEPT;
    /* Handle of one of this instance's own objects, 0 if there is none. `parent`: 0 = any. */
    uint64_t (*find_uuid)(pv_host *host, uint32_t kind, const uint8_t uuid[16]) PV_NOEXCEPT;
    uint64_t (*find_name)(pv_host *host, uint32_t kind, uint64_t parent, const char *name) PV_NOEXCEPT;
} pv_svc_registry;

#endif
