/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_C_H
#define POLYVIRT_C_H
/*
 * For drivers in C: the headers that each one needs, and what each would else write for itself. Nothing here is part of
 * the ABI: these are inline functions over it, which become the plugin's own.
 */
#include <stdio.h>
#include <string.h>

#include <polyvirt/abi/build.h>
#include <polyvirt/abi/call.h>
#include <polyvirt/abi/client.h>
#include <polyvirt/abi/entry.h>
#include <polyvirt/abi/event.h>
#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/abi/gen/errors.h>
#include <polyvirt/abi/gen/events.h>
#include <polyvirt/abi/job.h>
#include <polyvirt/abi/log.h>
#include <polyvirt/abi/loop.h>
#include <polyvirt/abi/proc.h>
#include <polyvirt/abi/registry.h>
#include <polyvirt/abi/state.h>
#include <polyvirt/abi/stream.h>

/* The services. What the manifest `needs` is there; whether another is, compare with NULL. Constant after
 * pv_services_get(). */
typedef struct pv_services {
    pv_host *host;
    const pv_svc_build *build;
    const pv_svc_call *call;
    const pv_svc_client *client;
    const pv_svc_event *event;
    const pv_svc_job *job;
    const pv_svc_log *log;
    const pv_svc_loop *loop;
    const pv_svc_proc *proc;
    const pv_svc_registry *registry;
    const pv_svc_state *state;
    const pv_svc_stream *stream;
} pv_services;

/* [load] For create(). Cannot fail. */
static inline void pv_services_get(pv_services *s, pv_host *host, const pv_host_root *root) PV_NOEXCEPT {
    s->host = host;
    s->build = (const pv_svc_build *)root->get_service(host, PV_SVC_BUILD, 0);
    s->call = (const pv_svc_call *)root->get_service(host, PV_SVC_CALL, 0);
    s->client = (const pv_svc_client *)root->get_service(host, PV_SVC_CLIENT, 0);
    s->event = (const pv_svc_event *)root->get_service(host, PV_SVC_EVENT, 0);
    s->job = (const pv_svc_job *)root->get_service(host, PV_SVC_JOB, 0);
    s->log = (const pv_svc_log *)root->get_service(host, PV_SVC_LOG, 0);
    s->loop = (const pv_svc_loop *)root->get_service(host, PV_SVC_LOOP, 0);
    s->proc = (const pv_svc_proc *)root->get_service(host, PV_SVC_PROC, 0);
    s->registry = (const pv_svc_registry *)root->get_service(host, PV_SVC_REGISTRY, 0);
    s->state = (const pv_svc_state *)root->get_service(host, PV_SVC_STATE, 0);
    s->stream = (const pv_svc_stream *)root->get_service(host, PV_SVC_STREAM, 0);
}

/* [any] leaf. Answers probe() for a plugin with one instance: `mine` is its URI. Cannot fail. */
static inline pv_status pv_probe_one(const char *uri, const char *mine, pv_probe *out) PV_NOEXCEPT {
    if (strcmp(uri, mine) != 0) return PV_OK; /* score 0: not mine */
    out->score = 100;
    out->lifetime = PV_LIFETIME_STATIC;
    snprintf(out->canonical, sizeof out->canonical, "%s", mine);
    snprintf(out->instance, sizeof out->instance, "default");
    return PV_OK;
}

/* [any] leaf. Records why the call fails (PV_ERR_*, and a sentence, copied) and is what the op then returns. */
static inline pv_status pv_fail(const pv_services *s, pv_call *call, int32_t code, const char *text) PV_NOEXCEPT {
    pv_error error;
    memset(&error, 0, sizeof error);
    error.size = sizeof error;
    error.code = code;
    error.level = PV_ERR_ERROR;
    error.int1 = error.int2 = -1;
    error.message = text;
    s->call->error(call, &error);
    return PV_FAIL;
}

/* [any] leaf. PV_OK, or PV_FAIL: there is a bit in `flags` that is not in `known`. Such a flag is an error, never ignored. */
static inline pv_status pv_check_flags(const pv_services *s, pv_call *call, uint64_t flags, uint64_t known) PV_NOEXCEPT {
    char text[64];
    if ((flags & ~known) == 0) return PV_OK;
    snprintf(text, sizeof text, "unsupported flags 0x%llx", (unsigned long long)(flags & ~known));
    return pv_fail(s, call, PV_ERR_INVALID_ARG, text);
}

/* What a domain turns into, and the event that tells of it (virDomainEventType and its detail). */
typedef struct pv_domain_turn {
    int32_t dom_id; /* > 0: it runs; -1 */
    int32_t state, reason;
    int32_t event, detail;
} pv_domain_turn;

/* [any] leaf, under the lock that guards the domain: the registry shows it first, then it is told. PV_OK, or what the
 * registry or the queue answered. `obj` is borrowed. */
static inline pv_status pv_turn_domain(const pv_services *s, pv_queue *queue, const pv_obj *obj,
                                       const pv_domain_turn *turn) PV_NOEXCEPT {
    pv_obj_update update;
    pv_event_domain_lifecycle what;
    pv_event event;
    pv_status status;
    memset(&update, 0, sizeof update);
    update.size = sizeof update;
    update.what = PV_UPDATE_ATTRS | PV_UPDATE_STATE | PV_UPDATE_ID;
    update.attrs = turn->dom_id > 0 ? PV_ATTR_ACTIVE : 0;
    update.attrs_mask = PV_ATTR_ACTIVE;
    update.state = turn->state;
    update.reason = turn->reason;
    update.dom_id = turn->dom_id;
    memset(&what, 0, sizeof what);
    what.size = sizeof what;
    what.event = turn->event;
    what.detail = turn->detail;
    memset(&event, 0, sizeof event);
    event.size = sizeof event;
    event.kind = PV_KIND_DOMAIN;
    event.id = PV_EVENT_DOMAIN_LIFECYCLE;
    event.dom_id = turn->dom_id;
    event.object = obj->handle;
    memcpy(event.uuid, obj->uuid, sizeof event.uuid);
    event.name = obj->name;
    event.payload = &what;
    status = s->registry->update(s->host, obj->handle, &update);
    return status == PV_OK ? s->event->post(queue, &event) : status;
}

/* At file scope, once: the one symbol that a plugin exports. `table` is its pv_plugin. */
#define PV_ENTRY(table)                                                                                                \
    PV_EXPORT const pv_plugin *pv_plugin_entry_v1(const pv_host_root *hello, char *err, uint32_t errlen) PV_NOEXCEPT { \
        (void)hello, (void)err, (void)errlen;                                                                          \
        return &(table);                                                                                               \
    }

#endif
