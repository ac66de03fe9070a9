/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_BASE_H
#define POLYVIRT_ABI_BASE_H
/*
 * What every part of the plugin ABI shares. C11 and C++20; fixed-width integers only; enumerations
 * and truth values are int32_t (0/1); times are int64_t nanoseconds; text is NUL-terminated UTF-8,
 * blobs are (pointer, length).
 *
 * Every struct that may grow begins with `size`, the writer's own sizeof: a reader touches only what
 * it covers (PV_HAS). Fields and slots are appended, never moved, retyped or removed.
 *
 * Thread marks on functions:
 *   [load]    entry and create: one thread at a time, no I/O, no services but log and paths
 *   [init]    start, reconfigure, stop: the host's control thread; long work is allowed
 *   [worker]  an op: one call, no lock of the host held
 *   [loop]    a callback of the named loop: never two at once, must not block
 *   [quiesce] while an instance stands still to be replaced: none of its ops, jobs or callbacks runs
 *   [any]     any thread. With "leaf": may be called with driver and object locks held; never runs
 *             plugin code, never waits for it. With "re-entrant": may; call it with no lock held.
 * Memory: arguments are borrowed until the function returns (ops: until complete()); nothing that one
 * side allocated is freed by the other; an opaque `void *ctx` given to the host comes with a release
 * function that is called exactly once, after its last use.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define PV_NOEXCEPT noexcept
#define PV_EXTERN_C extern "C"
#else
#define PV_NOEXCEPT
#define PV_EXTERN_C
#endif
#define PV_EXPORT PV_EXTERN_C __attribute__((visibility("default")))

/* The major is part of the entry point's name; the minor counts appended slots and services. 0.x: may
 * still change with any release. */
#define PV_ABI_MAJOR 0
#define PV_ABI_MINOR 3

#ifdef __cplusplus
#define PV_TYPEOF(x) decltype(x)
#else
#define PV_TYPEOF(x) __typeof__(x)
#endif
/* True if the table behind `t` is long enough to have `member`, and it is not null. */
#define PV_COVERS(t, type, member) \
    ((t) != NULL && (t)->size >= offsetof(type, member) + sizeof((t)->member))
#define PV_HAS(t, type, member) (PV_COVERS(t, type, member) && (t)->member != NULL)

/* Result of every op and of services that can fail. Negative: an error stands in the call. */
typedef int32_t pv_status;
enum {
    PV_OK = 0,
    PV_PENDING = 1,      /* ops only: complete() will be called, from any thread */
    PV_UNSUPPORTED = -1, /* the slot or service is not there */
    PV_FAIL = -2,        /* see the recorded error */
    PV_BUSY = -3,        /* a job or limit prevents it now */
    PV_GONE = -4,        /* the object or client is no longer there */
    PV_ORDER = -5,       /* called where the contract forbids it */
    PV_CANCELLED = -6,
    PV_DEADLINE = -7,
    PV_ABI = -8          /* sizes, ids or values that this side cannot understand */
};

/* Opaque: of the host. */
typedef struct pv_host pv_host;       /* one per plugin instance */
typedef struct pv_call pv_call;       /* one call in flight */
typedef struct pv_loop pv_loop;       /* a strand of callbacks */
typedef struct pv_watch pv_watch;     /* a handle or timeout on a loop */
typedef struct pv_queue pv_queue;     /* an event queue */
typedef struct pv_proc pv_proc;       /* a child process */
typedef struct pv_stream pv_stream;   /* data to and from the client of a call */
typedef struct pv_sink pv_sink;       /* receives bytes */
typedef struct pv_params pv_params;   /* receives typed parameters */
typedef struct pv_strings pv_strings; /* receives texts */
typedef struct pv_objs pv_objs;       /* receives object handles */
typedef struct pv_records pv_records; /* receives structs of one type */
typedef struct pv_groups pv_groups;   /* receives (object, typed parameters) pairs */
/* Opaque: of the plugin. */
typedef struct pv_inst pv_inst;

/* [any] leaf. Gives back what came with it as `ctx`: exactly once, after its last use. */
typedef void (*pv_release_fn)(void *ctx) PV_NOEXCEPT;

enum {
    PV_KIND_NONE = 0,
    PV_KIND_DOMAIN = 1,
    PV_KIND_NETWORK = 2,
    PV_KIND_NETWORK_PORT = 3,
    PV_KIND_INTERFACE = 4,
    PV_KIND_POOL = 5,
    PV_KIND_VOLUME = 6,
    PV_KIND_NODEDEV = 7,
    PV_KIND_NWFILTER = 8,
    PV_KIND_NWFILTER_BINDING = 9,
    PV_KIND_SECRET = 10,
    PV_KIND_SNAPSHOT = 11,
    PV_KIND_CHECKPOINT = 12
};

/* Attribute bits of published objects; list calls filter by them. Bits 32 and up are per kind. */
#define PV_ATTR_ACTIVE (1ULL << 0)
#define PV_ATTR_PERSISTENT (1ULL << 1)
#define PV_ATTR_AUTOSTART (1ULL << 2)
#define PV_ATTR_UPDATED (1ULL << 3) /* persistent description differs from the running one */
#define PV_ATTR_DOM_MANAGED_SAVE (1ULL << 32)
#define PV_ATTR_DOM_HAS_SNAPSHOT (1ULL << 33)
#define PV_ATTR_DOM_HAS_CHECKPOINT (1ULL << 34)
#define PV_ATTR_DOM_AUTOSTART_ONCE (1ULL << 35)
/* Snapshots and checkpoints; their parent among themselves is the key "parent" (a name, absent = root). */
#define PV_ATTR_SNAP_CURRENT (1ULL << 32)
#define PV_ATTR_SNAP_METADATA (1ULL << 33) /* the host keeps a description of it */
#define PV_ATTR_SNAP_RUNNING (1ULL << 34)  /* with memory */
#define PV_ATTR_SNAP_DISK_ONLY (1ULL << 35)
#define PV_ATTR_SNAP_EXTERNAL (1ULL << 36)
/* Secrets. */
#define PV_ATTR_SECRET_EPHEMERAL (1ULL << 32)
#define PV_ATTR_SECRET_PRIVATE (1ULL << 33)

/* What an op sees of its target: a snapshot that the host made, valid as long as the call. */
typedef struct pv_obj {
    uint32_t size, kind;
    uint64_t handle; /* never reused */
    uint8_t uuid[16];
    const char *name;
    int32_t dom_id; /* -1: not running */
    int32_t state;  /* the wire's state number of this kind */
    uint64_t attrs;
    void *data; /* what the plugin published; pinned while the call lasts */
    const struct pv_obj *parent; /* volume: pool; snapshot, checkpoint: domain; port: network */
} pv_obj;

/* Typed parameter, either way. `type` is the wire's tag: 1 i32, 2 u32, 3 i64, 4 u64, 5 f64, 6 bool,
 * 7 text. */
typedef struct pv_param {
    const char *field;
    int32_t type, _r;
    union {
        int32_t i;
        uint32_t ui;
        int64_t l;
        uint64_t ul;
        double d;
        int32_t b;
        const char *s;
    } v;
} pv_param;
enum {
    PV_PARAM_INT = 1,
    PV_PARAM_UINT = 2,
    PV_PARAM_LLONG = 3,
    PV_PARAM_ULLONG = 4,
    PV_PARAM_DOUBLE = 5,
    PV_PARAM_BOOLEAN = 6,
    PV_PARAM_STRING = 7
};

/* The nine fields of the wire's error; numbers as in host/protocol/tables/error-codes.yaml. Null texts
 * are absent; int1 and int2 are -1 when unused. */
typedef struct pv_error {
    uint32_t size;
    int32_t code, domain, level, int1, int2;
    const char *message, *str1, *str2, *str3;
} pv_error;

#endif
