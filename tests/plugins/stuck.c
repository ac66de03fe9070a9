/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright 2026 The polyvirt authors */
/*
 * A driver whose calls misbehave on demand, for the tests of limits and fairness and for benches. A client
 * steers it over the wire alone. URI stuck:///default; the domains d0 to d15 are always there.
 *
 *   domain_resume             answers at once and does nothing
 *   domain_shutdown           answers later, from the driver's loop
 *   domain_suspend            hangs without a thread until told (changes: not ended by its client's leaving)
 *   domain_get_time           hangs without a thread until told, or until it is cancelled (reads)
 *   domain_get_hostname       the same, but it ignores that it was cancelled
 *   domain_reset              keeps its worker until told
 *   domain_pm_wakeup          takes the domain's job, for which it waits with its worker, and hangs with it until told
 *   domain_inject_nmi         answers at once and blocks the driver's loop until told, for a minute at most
 *   domain_set_memory memory=N  posts N lifecycle events (resumed, detail 0 to N-1), at most 100,000, before it answers
 *   domain_open_console       a stream that sends back what it gets; dev_name "block": that takes nothing
 *                             until told; "flood": that sends for as long as it may
 *   storage_vol_upload        to volume "vol" (key /stuck/vol) of pool "pool": takes nothing until told
 *   domain_abort_job          tells all that hangs on this domain to end
 *   storage_vol_wipe          tells the uploads
 *   domain_create_xml         a further domain, whose name is the document's, or its text
 *   domain_destroy            abort_job, and the domain is gone
 */
#define _POSIX_C_SOURCE 200809L /* for a monotonic clock, of which plain C11 knows nothing */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <polyvirt/abi/call.h>
#include <polyvirt/abi/entry.h>
#include <polyvirt/abi/event.h>
#include <polyvirt/abi/gen/dom_console.h>
#include <polyvirt/abi/gen/dom_guest.h>
#include <polyvirt/abi/gen/dom_job.h>
#include <polyvirt/abi/gen/dom_lifecycle.h>
#include <polyvirt/abi/gen/dom_tune.h>
#include <polyvirt/abi/gen/events.h>
#include <polyvirt/abi/gen/sto_vol.h>
#include <polyvirt/abi/job.h>
#include <polyvirt/abi/loop.h>
#include <polyvirt/abi/registry.h>
#include <polyvirt/abi/stream.h>

#include "document.h"

PV_MANIFEST("id: t_stuck\n"
            "abi: [0, 1]\n"
            "provides: [pv.dom.lifecycle/1, pv.dom.guest/1, pv.dom.job/1, pv.dom.console/1, pv.dom.tune/1, pv.sto.vol/1]\n"
            "needs: [host.call/1, host.registry/1, host.loop/1, host.event/1, host.stream/1, host.job/1]\n"
            "uri: [stuck]\n"
            "kinds: [domain, pool, volume]\n"
            "type: STUCK\n");

enum { DOMAINS = 16, LOOP_SECONDS = 60, ERR_INTERNAL = 1, ERR_INVALID_ARG = 8, ERR_NO_DOMAIN = 42, ERR_ABORTED = 78 };

/* A call that hangs, or a stream that takes nothing. Two own it: the list, and what waits for the cancellation or
 * serves the stream. */
struct held {
    struct held *next;
    struct pv_inst *inst;
    pv_call *call;     /* hanging call, or */
    pv_stream *stream; /* blocked stream; on the loop alone, which sets it to null when it is over */
    pv_dom_time_out *time;
    uint64_t object, seen; /* constant; seen: the generation when it began */
    int echo, floods, job; /* constant; job: holds the object's */
    int blocked, owners; /* guarded by the instance's lock */
};

struct pv_inst {
    pv_host *host;
    const pv_svc_call *call;
    const pv_svc_registry *registry;
    const pv_svc_loop *loops;
    const pv_svc_event *events;
    const pv_svc_stream *streams;
    const pv_svc_job *jobs;
    pv_loop *loop;
    pv_queue *queue;
    pthread_mutex_t lock;
    pthread_cond_t told;
    struct held *held;
    uint64_t generation; /* rises whenever something is told */
    uint64_t freed;      /* the object that was told last, 0 = all */
};

static void fail(pv_inst *inst, pv_call *call, int32_t code, const char *text) {
    pv_error e = {.size = sizeof(e), .code = code, .int1 = -1, .int2 = -1, .message = text};
    inst->call->error(call, &e);
}

/* A flag that means nothing is refused like in any driver. */
static int wrong_flags(pv_inst *inst, pv_call *call, uint32_t flags, uint32_t known) {
    if ((flags & ~known) == 0) return 0;
    fail(inst, call, ERR_INVALID_ARG, "unsupported flags");
    return 1;
}

/* ---- what hangs ---------------------------------------------------------------------------------------------- */

static void let_go(void *ctx) {
    struct held *h = ctx;
    pv_inst *inst = h->inst;
    pthread_mutex_lock(&inst->lock);
    const int last = --h->owners == 0;
    pthread_mutex_unlock(&inst->lock);
    if (last) free(h);
}

static struct held *hold(pv_inst *inst, uint64_t object, int owners) {
    struct held *h = calloc(1, sizeof(*h));
    if (h == NULL) return NULL;
    h->inst = inst;
    h->object = object;
    h->blocked = 1;
    h->owners = owners;
    return h;
}

static void list(struct held *h) {
    pthread_mutex_lock(&h->inst->lock);
    h->next = h->inst->held;
    h->inst->held = h;
    pthread_mutex_unlock(&h->inst->lock);
}

/* True for whoever takes it off. */
static int unlist(struct held *h) {
    pv_inst *inst = h->inst;
    pthread_mutex_lock(&inst->lock);
    struct held **at = &inst->held;
    while (*at != NULL && *at != h) at = &(*at)->next;
    const int mine = *at == h;
    if (mine) *at = h->next;
    pthread_mutex_unlock(&inst->lock);
    return mine;
}

static void end_call(struct held *h) {
    if (h->time != NULL) h->time->seconds = 1;
    if (h->job) h->inst->jobs->end(h->inst->host, h->object, PV_JOB_MODIFY);
    h->inst->call->complete(h->call, PV_OK);
}

/* On the loop, where streams end: from elsewhere it might be over by now. */
static void take_on(void *ctx) {
    struct held *h = ctx;
    if (h->stream != NULL) h->inst->streams->resume(h->stream);
}

/* Ends all that hangs on the object; 0: on any. */
static void tell(pv_inst *inst, uint64_t object) {
    struct held *mine = NULL;
    pthread_mutex_lock(&inst->lock);
    for (struct held **at = &inst->held; *at != NULL;) {
        struct held *h = *at;
        if (object != 0 && h->object != object) {
            at = &h->next;
            continue;
        }
        *at = h->next;
        h->next = mine;
        h->blocked = 0;
        mine = h;
    }
    ++inst->generation;
    inst->freed = object;
    pthread_cond_broadcast(&inst->told);
    pthread_mutex_unlock(&inst->lock);
    while (mine != NULL) {
        struct held *h = mine;
        mine = h->next;
        if (h->call != NULL) end_call(h);
        else if (inst->loops->post(inst->loop, take_on, h, let_go) == PV_OK) continue;
        let_go(h);
    }
}

static void cancelled(void *ctx) {
    struct held *h = ctx;
    if (!unlist(h)) return;
    fail(h->inst, h->call, ERR_ABORTED, "cancelled");
    h->inst->call->complete(h->call, PV_CANCELLED);
    let_go(h); /* the list's share; the host releases the other */
}

/* Destroyed by a call that overtook this one: nobody could tell it to end. */
static int is_gone(pv_inst *inst, const pv_obj *obj) {
    return inst->registry->find_uuid(inst->host, obj->kind, obj->uuid) != obj->handle;
}

static pv_status hang(pv_inst *inst, pv_call *call, const pv_obj *obj, pv_dom_time_out *time, int cancels, int job) {
    struct held *h = hold(inst, obj->handle, cancels ? 3 : 2); /* one share is this function's */
    if (h == NULL) {
        fail(inst, call, ERR_INTERNAL, "out of memory");
        return PV_FAIL;
    }
    h->call = call;
    h->time = time;
    h->job = job;
    list(h);
    if (is_gone(inst, obj) && unlist(h)) {
        if (cancels) let_go(h);
        let_go(h);
        let_go(h);
        fail(inst, call, ERR_NO_DOMAIN, "the domain is gone");
        return PV_FAIL;
    }
    if (cancels && inst->call->on_cancel(call, cancelled, h, let_go) != PV_OK) let_go(h);
    let_go(h);
    return PV_PENDING;
}

static pv_status op_suspend(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_suspend_in *in,
                            pv_dom_suspend_out *out) {
    (void)in, (void)out;
    return hang(inst, call, obj, NULL, 0, 0);
}

static pv_status op_time(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_time_in *in,
                         pv_dom_time_out *out) {
    if (wrong_flags(inst, call, in->flags, 0)) return PV_FAIL;
    (void)in;
    return hang(inst, call, obj, out, 1, 0);
}

static pv_status op_hostname(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_hostname_in *in,
                             pv_dom_hostname_out *out) {
    if (wrong_flags(inst, call, in->flags, 0)) return PV_FAIL;
    (void)in, (void)out;
    return hang(inst, call, obj, NULL, 0, 0);
}

static pv_status op_reset(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_reset_in *in,
                          pv_dom_reset_out *out) {
    if (wrong_flags(inst, call, in->flags, 0)) return PV_FAIL;
    (void)call, (void)in, (void)out;
    pthread_mutex_lock(&inst->lock);
    for (uint64_t seen = inst->generation; !is_gone(inst, obj);) {
        while (inst->generation == seen) pthread_cond_wait(&inst->told, &inst->lock);
        seen = inst->generation;
        if (inst->freed == 0 || inst->freed == obj->handle) break;
    }
    pthread_mutex_unlock(&inst->lock);
    return PV_OK;
}

static pv_status op_wakeup(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_pm_wakeup_in *in,
                           pv_dom_pm_wakeup_out *out) {
    if (wrong_flags(inst, call, in->flags, 0)) return PV_FAIL;
    (void)in, (void)out;
    const int64_t minute = 60 * INT64_C(1000000000);
    pv_status status = inst->jobs->begin(inst->host, call, obj->handle, PV_JOB_MODIFY, "wakeup", 10 * minute);
    if (status != PV_OK) return status;
    status = hang(inst, call, obj, NULL, 0, 1);
    if (status != PV_PENDING) inst->jobs->end(inst->host, obj->handle, PV_JOB_MODIFY);
    return status;
}

static void block_loop(void *ctx) {
    struct held *h = ctx;
    pv_inst *inst = h->inst;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += LOOP_SECONDS;
    pthread_mutex_lock(&inst->lock);
    while (inst->generation == h->seen && pthread_cond_timedwait(&inst->told, &inst->lock, &end) == 0) continue;
    pthread_mutex_unlock(&inst->lock);
}

static pv_status op_inject_nmi(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_inject_nmi_in *in,
                               pv_dom_inject_nmi_out *out) {
    if (wrong_flags(inst, call, in->flags, 0)) return PV_FAIL;
    (void)in, (void)out;
    struct held *h = hold(inst, obj->handle, 1);
    if (h != NULL) {
        pthread_mutex_lock(&inst->lock);
        h->seen = inst->generation;
        pthread_mutex_unlock(&inst->lock);
        if (inst->loops->post(inst->loop, block_loop, h, let_go) == PV_OK) return PV_OK;
        let_go(h);
    }
    fail(inst, call, ERR_INTERNAL, "the loop is gone");
    return PV_FAIL;
}

static pv_status op_abort_job(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_abort_job_in *in,
                              pv_dom_abort_job_out *out) {
    if (wrong_flags(inst, call, in->flags, 0)) return PV_FAIL;
    (void)call, (void)in, (void)out;
    tell(inst, obj->handle);
    return PV_OK;
}

/* ---- what does not ------------------------------------------------------------------------------------------- */

static pv_status op_resume(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_resume_in *in,
                           pv_dom_resume_out *out) {
    (void)inst, (void)call, (void)obj, (void)in, (void)out;
    return PV_OK;
}

static void late(void *ctx) {
    struct held *h = ctx;
    end_call(h);
}

static pv_status op_shutdown(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_shutdown_in *in,
                             pv_dom_shutdown_out *out) {
    if (wrong_flags(inst, call, in->flags, 0)) return PV_FAIL;
    (void)in, (void)out;
    struct held *h = hold(inst, obj->handle, 1);
    if (h != NULL) {
        h->call = call;
        if (inst->loops->post(inst->loop, late, h, let_go) == PV_OK) return PV_PENDING;
        let_go(h);
    }
    fail(inst, call, ERR_INTERNAL, "the loop is gone");
    return PV_FAIL;
}

static pv_status op_set_memory(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_set_memory_in *in,
                               pv_dom_set_memory_out *out) {
    if (wrong_flags(inst, call, in->flags, 7 /* AFFECT_LIVE, _CONFIG, MAXIMUM: make no difference */)) return PV_FAIL;
    (void)out;
    enum { RESUMED = 4, MOST = 100000 };
    pv_event_domain_lifecycle payload = {.size = sizeof(payload), .event = RESUMED};
    pv_event event = {.size = sizeof(event), .kind = PV_KIND_DOMAIN, .id = PV_EVENT_DOMAIN_LIFECYCLE,
                      .dom_id = obj->dom_id, .object = obj->handle, .name = obj->name, .payload = &payload};
    memcpy(event.uuid, obj->uuid, sizeof(event.uuid));
    for (uint32_t i = 0; i < in->memory && i < MOST; ++i) {
        payload.detail = (int32_t)i;
        const pv_status status = inst->events->post(inst->queue, &event);
        if (status == PV_OK || status == PV_BUSY) continue; /* busy: the host has no room for it */
        fail(inst, call, ERR_INTERNAL, "an event was not taken");
        return status;
    }
    return PV_OK;
}

static pv_status publish_as(pv_inst *inst, pv_call *call, uint32_t kind, const char *name, const uint8_t *uuid,
                            uint64_t parent, uint64_t *handle) {
    static int32_t next_id = 0;
    const pv_key key = {"key", "/stuck/vol"};
    pv_obj_desc desc = {.size = sizeof(desc), .kind = kind, .name = name, .dom_id = -1, .parent = parent};
    if (kind != PV_KIND_VOLUME) desc.attrs = PV_ATTR_ACTIVE;
    if (kind == PV_KIND_DOMAIN) {
        desc.dom_id = __atomic_add_fetch(&next_id, 1, __ATOMIC_RELAXED);
        desc.state = 1;
    } else if (kind == PV_KIND_VOLUME) {
        desc.keys = &key;
        desc.nkeys = 1;
    }
    if (kind != PV_KIND_VOLUME) memcpy(desc.uuid, uuid, sizeof(desc.uuid));
    return inst->registry->publish(inst->host, call, &desc, handle);
}

static pv_status publish(pv_inst *inst, pv_call *call, uint32_t kind, const char *name, uint64_t parent,
                         uint64_t *handle) {
    uint8_t uuid[16];
    read_uuid("", name, uuid);
    return publish_as(inst, call, kind, name, uuid, parent, handle);
}

static pv_status op_create_xml(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_create_xml_in *in,
                               pv_dom_create_xml_out *out) {
    if (wrong_flags(inst, call, in->flags, 0)) return PV_FAIL;
    (void)obj;
    char name[256] = "";
    read_name(in->xml, name, sizeof(name));
    uint8_t uuid[16];
    read_uuid(in->xml, name, uuid);
    return publish_as(inst, call, PV_KIND_DOMAIN, name, uuid, 0, &out->obj);
}

static pv_status op_destroy(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_destroy_in *in,
                            pv_dom_destroy_out *out) {
    if (wrong_flags(inst, call, in->flags, 0)) return PV_FAIL;
    (void)call, (void)in, (void)out;
    inst->registry->retire(inst->host, obj->handle); /* another call may have done so */
    tell(inst, obj->handle);
    return PV_OK;
}

/* ---- streams ------------------------------------------------------------------------------------------------- */

static const char flood[65536];

static size_t stream_data(void *ctx, const void *bytes, size_t length) {
    struct held *h = ctx;
    pthread_mutex_lock(&h->inst->lock);
    const int blocked = h->blocked;
    pthread_mutex_unlock(&h->inst->lock);
    if (blocked) return 0;
    if (!h->echo) return length;
    return h->inst->streams->send(h->stream, bytes, length) == PV_BUSY ? 0 : length;
}

static void stream_writable(void *ctx) {
    struct held *h = ctx;
    if (h->echo) {
        h->inst->streams->resume(h->stream);
        return;
    }
    for (int i = 0; i < 16 && h->floods; ++i)
        if (h->inst->streams->send(h->stream, flood, sizeof(flood)) != PV_OK) return;
}

static void stream_finish(void *ctx) {
    struct held *h = ctx;
    h->inst->streams->finish(h->stream);
}

static void stream_closed(void *ctx, uint32_t why) {
    struct held *h = ctx;
    (void)why;
    h->stream = NULL;
    if (unlist(h)) let_go(h);
}

static const pv_stream_ops stream_ops = {.size = sizeof(stream_ops), .data = stream_data, .writable = stream_writable,
                                         .finish = stream_finish, .closed = stream_closed};

static pv_status open_stream(pv_inst *inst, pv_call *call, const pv_obj *obj, int blocked, int echo, int floods) {
    struct held *h = hold(inst, obj->handle, blocked ? 2 : 1);
    if (h == NULL) {
        fail(inst, call, ERR_INTERNAL, "out of memory");
        return PV_FAIL;
    }
    pv_stream *const stream = inst->call->stream(call);
    h->stream = stream;
    h->blocked = blocked;
    h->echo = echo;
    h->floods = floods;
    if (blocked) list(h);
    if (inst->streams->attach(stream, &stream_ops, inst->loop, h, let_go) == PV_OK) {
        if (floods) inst->streams->send(stream, flood, sizeof(flood));
        return PV_OK;
    }
    if (blocked && unlist(h)) let_go(h);
    let_go(h);
    fail(inst, call, ERR_INTERNAL, "no stream");
    return PV_FAIL;
}

static pv_status op_open_console(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_open_console_in *in,
                                 pv_dom_open_console_out *out) {
    if (wrong_flags(inst, call, in->flags, 0)) return PV_FAIL;
    (void)out;
    const char *how = in->device != NULL ? in->device : "";
    const int floods = strcmp(how, "flood") == 0;
    return open_stream(inst, call, obj, strcmp(how, "block") == 0, !floods, floods);
}

static pv_status op_upload(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_vol_upload_in *in,
                           pv_vol_upload_out *out) {
    if (wrong_flags(inst, call, in->flags, 0)) return PV_FAIL;
    (void)in, (void)out;
    return open_stream(inst, call, obj, 1, 0, 0);
}

static pv_status op_wipe(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_vol_wipe_in *in,
                         pv_vol_wipe_out *out) {
    if (wrong_flags(inst, call, in->flags, 0)) return PV_FAIL;
    (void)call, (void)in, (void)out;
    tell(inst, obj->handle);
    return PV_OK;
}

/* ---- the plugin ---------------------------------------------------------------------------------------------- */

static const pv_dom_lifecycle lifecycle = {.size = sizeof(lifecycle), .create_xml = op_create_xml,
                                           .shutdown = op_shutdown, .reset = op_reset,
                                           .destroy = op_destroy, .suspend = op_suspend, .resume = op_resume,
                                           .pm_wakeup = op_wakeup, .inject_nmi = op_inject_nmi};
static const pv_dom_guest guest = {.size = sizeof(guest), .time = op_time, .hostname = op_hostname};
static const pv_dom_tune tune = {.size = sizeof(tune), .set_memory = op_set_memory};
static const pv_dom_job job = {.size = sizeof(job), .abort_job = op_abort_job};
static const pv_dom_console console = {.size = sizeof(console), .open_console = op_open_console};
static const pv_sto_vol volume = {.size = sizeof(volume), .wipe = op_wipe, .upload = op_upload};

static pv_status probe(const char *uri, int32_t privileged, pv_probe *out) {
    (void)privileged;
    if (strcmp(uri, "stuck:///default") != 0) return PV_OK;
    out->score = 100;
    out->lifetime = PV_LIFETIME_STATIC;
    strcpy(out->canonical, uri);
    strcpy(out->instance, "default");
    return PV_OK;
}

static void destroy(pv_inst *inst) {
    pthread_cond_destroy(&inst->told);
    pthread_mutex_destroy(&inst->lock);
    free(inst);
}

static pv_status create(pv_host *host, const pv_host_root *root, const char *instance, pv_inst **out) {
    (void)instance;
    pv_inst *inst = calloc(1, sizeof(*inst));
    if (inst == NULL) return PV_FAIL;
    pthread_mutex_init(&inst->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&inst->told, &monotonic);
    pthread_condattr_destroy(&monotonic);
    inst->host = host;
    inst->call = root->get_service(host, PV_SVC_CALL, sizeof(*inst->call));
    inst->registry = root->get_service(host, PV_SVC_REGISTRY, sizeof(*inst->registry));
    inst->loops = root->get_service(host, PV_SVC_LOOP, sizeof(*inst->loops));
    inst->events = root->get_service(host, PV_SVC_EVENT, sizeof(*inst->events));
    inst->streams = root->get_service(host, PV_SVC_STREAM, sizeof(*inst->streams));
    inst->jobs = root->get_service(host, PV_SVC_JOB, sizeof(*inst->jobs));
    if (inst->call == NULL || inst->registry == NULL || inst->loops == NULL || inst->events == NULL || inst->streams == NULL ||
        inst->jobs == NULL) {
        destroy(inst);
        return PV_UNSUPPORTED;
    }
    *out = inst;
    return PV_OK;
}

static const void *get_interface(pv_inst *inst, const char *id) {
    (void)inst;
    const struct {
        const char *id;
        const void *table;
    } all[] = {{"pv.dom.lifecycle/1", &lifecycle}, {"pv.dom.guest/1", &guest}, {"pv.dom.job/1", &job}, {"pv.dom.tune/1", &tune},
               {"pv.dom.console/1", &console},     {"pv.sto.vol/1", &volume}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); ++i)
        if (strcmp(id, all[i].id) == 0) return all[i].table;
    return NULL;
}

static pv_status start(pv_inst *inst, pv_call *call, uint32_t how) {
    (void)how;
    inst->loop = inst->loops->acquire(inst->host, PV_LOOP_DEDICATED, "stuck");
    inst->queue = inst->events->queue_new(inst->host, "stuck");
    if (inst->loop == NULL || inst->queue == NULL) {
        fail(inst, call, ERR_INTERNAL, "no loop or no queue");
        return PV_FAIL;
    }
    uint64_t handle = 0;
    for (int i = 0; i < DOMAINS; ++i) {
        char name[16];
        snprintf(name, sizeof(name), "d%d", i);
        const pv_status status = publish(inst, call, PV_KIND_DOMAIN, name, 0, &handle);
        if (status != PV_OK) return status;
    }
    const pv_status status = publish(inst, call, PV_KIND_POOL, "pool", 0, &handle);
    return status == PV_OK ? publish(inst, call, PV_KIND_VOLUME, "vol", handle, &handle) : status;
}

static void stop(pv_inst *inst, uint32_t why) {
    (void)why;
    tell(inst, 0);
    inst->events->queue_free(inst->queue);
    inst->loops->release(inst->loop);
}

static const pv_plugin plugin = {.size = sizeof(plugin), .abi_minor = PV_ABI_MINOR,
                                 .concurrency = PV_CONCURRENCY_PARALLEL, .id = "t_stuck", .version = "1",
                                 .build_id = "t", .probe = probe, .create = create, .get_interface = get_interface,
                                 .start = start, .stop = stop, .destroy = destroy};

PV_EXPORT const pv_plugin *pv_plugin_entry_v1(const pv_host_root *hello, char *err, uint32_t errlen) {
    (void)hello, (void)err, (void)errlen;
    return &plugin;
}
