/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_DRIVER_H
#define POLYVIRT_ABI_DRIVER_H
/*
 * host.driver/1: ops of other drivers, entered through the host like a client's. Which driver it is follows from the
 * kind that the op's table is about: the instance itself if it has that kind, else the plugin that serves it. The
 * manifest of the caller lists the kinds that it `uses`; plugins whose lists lead in a circle are not started, so news
 * goes back as notices alone (subscribe()). Whoever is behind `call` (its client, its permissions, its read-only connection) is
 * behind the other driver's call too; with NULL it is the host, who may everything. At most four calls deep.
 *
 * In every function below PV_ORDER means: the manifest does not list the kind, the calls are too deep, or this thread
 * must not. An error stands in `call` whenever the status is negative and `call` is not NULL.
 */
#include <polyvirt/abi/base.h>

#define PV_SVC_DRIVER "host.driver/1"

typedef struct pv_subscription pv_subscription; /* opaque, of the host */

enum { PV_NOTICE_LOST = -1 };
/* What became of an object of another driver. */
typedef struct pv_notice {
    uint32_t size, kind;
    /* As in the event of its life-cycle (pv_event_network_lifecycle and the like). PV_NOTICE_LOST: nothing of an object;
     * `detail` notices or more did not fit, so what is to be known is asked for anew. */
    int32_t event, detail;
    uint64_t object; /* its handle; it may be gone, or be another's by that name */
    uint8_t uuid[16];
    const char *name;
} pv_notice;

/* [loop] of subscribe(). The notice is borrowed. */
typedef void (*pv_notice_fn)(void *ctx, const pv_notice *notice) PV_NOEXCEPT;

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
     * are the op's structs, zeroed and with their size set; builders in `out` are sinks of sink_new() (host.state/1),
     * lists of the functions below, or NULL. Borrowed until the return; objects in `in` cannot be given. */
    pv_status (*call)(pv_host *host, pv_call *call, uint32_t op, uint64_t object, const void *in,
                      void *out) PV_NOEXCEPT;
    /* [any] leaf. The same without waiting: PV_PENDING, and `fn` runs once on `loop` with the result, also when the
     * other driver refuses; unless the loop ends before. `in` is copied; texts in it, `out` and `call` are borrowed
     * until `fn` has begun. Anything else than PV_PENDING: nothing was taken, `fn` will not run. */
    pv_status (*call_async)(pv_host *host, pv_call *call, uint32_t op, uint64_t object, const void *in, void *out,
                            pv_loop *loop, void (*fn)(void *ctx, pv_status status) PV_NOEXCEPT,
                            void *ctx) PV_NOEXCEPT;

    /* All below: since 0.2. Lists of the plugin's own, each for one builder in `out`, in which the other driver's answer
     * is found when the call has succeeded. */

    /* [any] leaf. A list, until its *_free(): the plugin's; NULL: out of memory. records_new: for what `op` returns; NULL
     * too if that has no list of records. */
    pv_params *(*params_new)(pv_host *host) PV_NOEXCEPT;
    pv_strings *(*strings_new)(pv_host *host) PV_NOEXCEPT;
    pv_objs *(*objs_new)(pv_host *host) PV_NOEXCEPT;
    pv_records *(*records_new)(pv_host *host, uint32_t op) PV_NOEXCEPT;
    pv_groups *(*groups_new)(pv_host *host) PV_NOEXCEPT;
    /* [any] leaf. Cannot fail. What *_at() gave goes with the list. */
    void (*params_free)(pv_params *list) PV_NOEXCEPT;
    void (*strings_free)(pv_strings *list) PV_NOEXCEPT;
    void (*objs_free)(pv_objs *list) PV_NOEXCEPT;
    void (*records_free)(pv_records *list) PV_NOEXCEPT;
    void (*groups_free)(pv_groups *list) PV_NOEXCEPT;
    /* [any] leaf, not beside the call that fills it. How many it holds; -1 = the other driver failed to put all into it. */
    int32_t (*params_count)(const pv_params *list) PV_NOEXCEPT;
    int32_t (*strings_count)(const pv_strings *list) PV_NOEXCEPT;
    int32_t (*objs_count)(const pv_objs *list) PV_NOEXCEPT;
    int32_t (*records_count)(const pv_records *list) PV_NOEXCEPT;
    int32_t (*groups_count)(const pv_groups *list) PV_NOEXCEPT;
    /* [any] leaf, likewise. The entry at `index`, in the order in which they were given; valid until the list is freed or
     * filled again. NULL (0 for an object's handle): there is none. A record is at least `size` bytes long, as it says;
     * it may be shorter than the plugin's struct if the host is older. */
    const pv_param *(*params_at)(const pv_params *list, uint32_t index) PV_NOEXCEPT;
    const char *(*strings_at)(const pv_strings *list, uint32_t index) PV_NOEXCEPT;
    uint64_t (*objs_at)(const pv_objs *list, uint32_t index) PV_NOEXCEPT;
    const void *(*records_at)(const pv_records *list, uint32_t index) PV_NOEXCEPT;
    /* [any] leaf, likewise. `object`, filled unless NULL: whose parameters these are, 0 = nobody's. They are the host's, go
     * with `list`, and are read by params_count() and params_at(). NULL: there is none. */
    const pv_params *(*groups_at)(const pv_groups *list, uint32_t index, uint64_t *object) PV_NOEXCEPT;

    /* [worker|init] re-entrant. Puts the handles of a kind into `list`, which is borrowed: all that the driver which serves
     * it has published, or those below `parent` (0 = any), in the order of publication; without those that the client
     * behind `call` may not see. PV_UNSUPPORTED: no driver serves the kind. PV_GONE: there is no such parent. */
    pv_status (*list)(pv_host *host, pv_call *call, uint32_t kind, uint64_t parent, pv_objs *list) PV_NOEXCEPT;
    /* [any] leaf. What the registry says of an object that find() or list() gave: `seen` has its size set, and all but
     * name, data and parent is filled; its name goes into the sink, and so does the value of one of its keys ("path"),
     * both borrowed and both may be NULL. PV_GONE: it is not there any more, or has no such key (no error recorded).
     * PV_FAIL: a sink was too small. */
    pv_status (*describe)(pv_host *host, pv_call *call, uint32_t kind, uint64_t object, pv_obj *seen, pv_sink *name,
                          const char *key, pv_sink *value) PV_NOEXCEPT;

    /* Both below: since 0.3. Notices of another driver's objects: domains, networks, pools, node devices, secrets. */

    /* [any] leaf. From here on `fn` is told on `loop`, in order, of each life-cycle event that the driver which serves
     * `kind` posts, whichever driver that is, or will be after it was replaced. It holds no lock of that driver's, and what
     * waits is bounded: PV_NOTICE_LOST. `release` runs after the last `fn`, not on failure. The caller's until
     * unsubscribe(); stop() ends it. PV_UNSUPPORTED: objects of the kind have no life-cycle events, or are the caller's
     * own. */
    pv_status (*subscribe)(pv_host *host, uint32_t kind, pv_loop *loop, pv_notice_fn fn, void *ctx,
                           pv_release_fn release, pv_subscription **subscription) PV_NOEXCEPT;
    /* [any] leaf. No `fn` begins after this. Given back once; cannot fail. */
    void (*unsubscribe)(pv_subscription *subscription) PV_NOEXCEPT;
} pv_svc_driver;

#endif
