/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_EVENT_H
#define POLYVIRT_ABI_EVENT_H
/*
 * host.event/1: queues through which a plugin tells clients what happened. The events thread drains
 * them; per object the order is that of the posts, none that was taken is lost. Post after the registry shows the
 * change; posting under the object's lock is right. [any] leaf, all of them.
 */
#include <polyvirt/abi/base.h>
#include <polyvirt/abi/registry.h>

#define PV_SVC_EVENT "host.event/1"

/* `id` is the wire's event number of `kind` (events.h names both). The object's name, uuid and id are given
 * here because it may be retired when the event is sent. */
typedef struct pv_event {
    uint32_t size, kind;
    int32_t id, dom_id;
    uint64_t object;     /* handle: for filters and permissions */
    uint8_t uuid[16];
    const char *name;
    const void *payload; /* the struct that events.h gives for (kind, id) */
    const pv_key *keys;  /* secrets: "usage-type" and "usage-id", as they were published */
    uint32_t nkeys, _r;
} pv_event;

/* pv_event.id where kind is PV_KIND_NONE, which is no object's event (name ""): the driver has lost what it speaks
 * to, and clients that asked to hear of it are told. */
enum { PV_EVENT_CONNECTION_CLOSED = 0 };
typedef struct pv_event_connection_closed {
    uint32_t size;
    int32_t reason; /* virConnectCloseReason */
} pv_event_connection_closed;

typedef struct pv_svc_event {
    uint32_t size, _r;
    /* `name`, copied, is for figures and logs. The queue is the plugin's until queue_free(). NULL if out of memory. */
    pv_queue *(*queue_new)(pv_host *host, const char *name) PV_NOEXCEPT;
    /* What is in it is still sent. */
    void (*queue_free)(pv_queue *queue) PV_NOEXCEPT;
    /* Copies the event. PV_ABI: unknown id or a payload too short. PV_BUSY: more of the plugin's events wait than may;
     * this one is dropped, and counted. */
    pv_status (*post)(pv_queue *queue, const pv_event *event) PV_NOEXCEPT;
    /* Whether somebody, a client or another driver, would be told of an event `id` of `kind` now. 0: nobody, so it need
     * not be made; what a client registers for counts before that is answered. 1 too for what is not known. Cannot fail.
     * Since 0.3. */
    int32_t (*wanted)(pv_queue *queue, uint32_t kind, int32_t id) PV_NOEXCEPT;
} pv_svc_event;

#endif
