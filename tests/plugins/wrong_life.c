/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright 2026 The polyvirt authors */
/*
 * A small driver that keeps every rule, or, compiled with one LIFE_, breaks exactly one once it lives. Domains that exist
 * in name only: create_xml makes one from any text, suspend and resume change its state, the latter later; destroy ends it.
 * Without any LIFE_ it is t_right, which shows that what the kit says of the others is about that one thing.
 */
#define _GNU_SOURCE /* plain C11 has no descriptors, environment or threads */
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <polyvirt/abi/build.h>
#include <polyvirt/abi/call.h>
#include <polyvirt/abi/check.h>
#include <polyvirt/abi/entry.h>
#include <polyvirt/abi/event.h>
#include <polyvirt/abi/gen/dom_lifecycle.h>
#include <polyvirt/abi/gen/dom_stats.h>
#include <polyvirt/abi/gen/events.h>
#include <polyvirt/abi/gen/hv_caps.h>
#include <polyvirt/abi/job.h>
#include <polyvirt/abi/log.h>
#include <polyvirt/abi/loop.h>
#include <polyvirt/abi/paths.h>
#include <polyvirt/abi/registry.h>

#include "document.h"

PV_MANIFEST("id: t_life\n"
            "abi: [0, 1]\n"
            "provides: [pv.hv.caps/1, pv.dom.lifecycle/1, pv.dom.stats/1]\n"
            "needs: [host.build/1, host.call/1, host.registry/1, host.loop/1, host.event/1, host.job/1, host.log/1]\n"
            "uri: [life]\n"
            "kinds: [domain]\n");

enum { ERR_INTERNAL = 1, ERR_NO_MEMORY = 2, ERR_INVALID_ARG = 8, RUNNING = 1, PAUSED = 3 };
enum { STARTED = 2, SUSPENDED = 3, RESUMED = 4, STOPPED = 5 };

struct pv_inst {
    pv_host *host;
    const pv_svc_build *build;
    const pv_svc_call *call;
    const pv_svc_registry *registry;
    const pv_svc_loop *loops;
    const pv_svc_event *events;
    const pv_svc_job *jobs;
    const pv_svc_log *log;
    const pv_svc_check *check;
    pv_loop *loop;
    pv_queue *queue;
    pthread_mutex_t lock; /* a change and its event go together; guards next_id */
    int32_t next_id;
    int inherited;
};

static pv_status fail(pv_inst *inst, pv_call *call, int32_t code, const char *text) {
    pv_error e = {.size = sizeof(e), .code = code, .level = 2, .int1 = -1, .int2 = -1, .message = text};
#ifdef LIFE_FAILS_SILENTLY
    if (code == ERR_INVALID_ARG) return PV_FAIL;
#endif
    inst->call->error(call, &e);
    return PV_FAIL;
}

static pv_status bad_flags(pv_inst *inst, pv_call *call) { return fail(inst, call, ERR_INVALID_ARG, "unsupported flags"); }

static void post_event(pv_inst *inst, uint64_t handle, const char *name, const uint8_t *uuid, int32_t id, int32_t what) {
    pv_event_domain_lifecycle payload = {.size = sizeof(payload), .event = what};
    pv_event event = {.size = sizeof(event), .kind = PV_KIND_DOMAIN, .id = PV_EVENT_DOMAIN_LIFECYCLE, .dom_id = id,
                      .object = handle, .name = name, .payload = &payload};
#ifdef LIFE_SHORT_PAYLOAD
    payload.size = 8;
#endif
    memcpy(event.uuid, uuid, sizeof(event.uuid));
    inst->events->post(inst->queue, &event);
}

/* ---- ops ------------------------------------------------------------------------------------------------------- */

static pv_status op_type(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_hv_type_in *in, pv_hv_type_out *out) {
    (void)obj, (void)in;
#ifdef LIFE_SLEEPS_IN_PROMPT_OP
    poll(NULL, 0, 5);
#endif
    if (inst->build->write(out->type, "LIFE", 4) == PV_OK) return PV_OK;
    return fail(inst, call, ERR_INTERNAL, "no room for the type");
}

static pv_status op_create_xml(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_create_xml_in *in,
                               pv_dom_create_xml_out *out) {
    (void)obj;
    if (in->flags != 0) return bad_flags(inst, call);
    char name[64] = "";
    read_name(in->xml, name, sizeof(name));
#ifdef LIFE_READS_PAST_IN
    name[0] ^= ((const volatile char *)in)[sizeof(*in) + 8] != 0;
#endif
    if (name[0] == '\0') return fail(inst, call, ERR_INVALID_ARG, "a domain needs a name");
    pthread_mutex_lock(&inst->lock);
    const int32_t id = ++inst->next_id;
    pthread_mutex_unlock(&inst->lock);
    char *data = malloc(16);
#ifndef LIFE_TRUSTS_MALLOC
    if (data == NULL) return fail(inst, call, ERR_NO_MEMORY, "out of memory");
#endif
    *(volatile char *)data = 1; /* not for the compiler to make calloc() of */
    pv_obj_desc desc = {.size = sizeof(desc), .kind = PV_KIND_DOMAIN, .name = name, .dom_id = id, .state = RUNNING,
                        .attrs = PV_ATTR_ACTIVE, .data = data, .release = free};
#ifdef LIFE_PUBLISHES_ANOTHER
    desc.name = "another";
#endif
#ifdef LIFE_PUBLISHES_NONSENSE
    desc.dom_id = -1;
#endif
    read_uuid(in->xml, name, desc.uuid);
    pthread_mutex_lock(&inst->lock);
    const pv_status status = inst->registry->publish(inst->host, call, &desc, &out->obj);
    if (status == PV_OK) post_event(inst, out->obj, desc.name, desc.uuid, id, STARTED);
    pthread_mutex_unlock(&inst->lock);
    if (status != PV_OK) free(data);
    return status;
}

static pv_status op_suspend(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_suspend_in *in, pv_dom_suspend_out *out) {
    (void)in, (void)out;
    const pv_obj_update update = {.size = sizeof(update), .what = PV_UPDATE_STATE, .state = PAUSED};
    pthread_mutex_lock(&inst->lock);
#ifdef LIFE_EVENT_BEFORE_REGISTRY
    post_event(inst, obj->handle, obj->name, obj->uuid, obj->dom_id, SUSPENDED);
    inst->registry->update(inst->host, obj->handle, &update);
#else
    if (inst->registry->update(inst->host, obj->handle, &update) == PV_OK)
        post_event(inst, obj->handle, obj->name, obj->uuid, obj->dom_id, SUSPENDED);
#endif
    pthread_mutex_unlock(&inst->lock);
#ifdef LIFE_ERROR_AND_SUCCESS
    fail(inst, call, ERR_INTERNAL, "nothing is wrong");
#endif
#ifdef LIFE_HANGS
    while (poll(NULL, 0, -1) != 2) continue;
#endif
#ifdef LIFE_KEEPS_LOCK
    if (inst->check != NULL) *inst->check->lock_rank() |= 8;
#endif
#ifdef LIFE_WRITES_ENVIRONMENT
    setenv("LIFE", obj->name, 1);
#endif
#ifdef LIFE_WRITES_UMASK
    umask(0);
#endif
#ifdef LIFE_WRITES_LOCALE
    setlocale(LC_ALL, "C.UTF-8");
#endif
#ifdef LIFE_LEAKS_FD
    (void)!open("/dev/null", O_RDONLY | O_CLOEXEC);
#endif
#ifdef LIFE_LOGS_NONSENSE
    inst->log->write(inst->host, 99, "life", "no such level");
#endif
    (void)call;
    return PV_OK;
}

struct later {
    pv_inst *inst;
    pv_call *call;
    uint64_t handle;
    uint8_t uuid[16];
    char name[64];
    int32_t id;
};

static void resumed(void *ctx) {
    struct later *l = ctx;
    const pv_obj_update update = {.size = sizeof(update), .what = PV_UPDATE_STATE, .state = RUNNING};
#ifdef LIFE_BLOCKS_LOOP
    poll(NULL, 0, 300);
#endif
    pthread_mutex_lock(&l->inst->lock);
    if (l->inst->registry->update(l->inst->host, l->handle, &update) == PV_OK)
        post_event(l->inst, l->handle, l->name, l->uuid, l->id, RESUMED);
    pthread_mutex_unlock(&l->inst->lock);
#ifndef LIFE_NEVER_COMPLETES
    l->inst->call->complete(l->call, PV_OK);
#endif
#ifdef LIFE_COMPLETES_TWICE
    l->inst->call->complete(l->call, PV_OK);
#endif
#ifdef LIFE_TOUCHES_ENDED_CALL
    l->inst->call->cancelled(l->call);
#endif
}

static pv_status op_resume(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_resume_in *in, pv_dom_resume_out *out) {
    (void)in, (void)out;
    struct later *l = calloc(1, sizeof(*l));
    if (l == NULL) return fail(inst, call, ERR_NO_MEMORY, "out of memory");
    l->inst = inst;
    l->call = call;
    l->handle = obj->handle;
    l->id = obj->dom_id;
    memcpy(l->uuid, obj->uuid, sizeof(l->uuid));
    strncpy(l->name, obj->name, sizeof(l->name) - 1);
    if (inst->loops->post(inst->loop, resumed, l, free) == PV_OK) return PV_PENDING;
    free(l);
    return fail(inst, call, ERR_INTERNAL, "the loop is gone");
}

static pv_status op_reset(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_reset_in *in, pv_dom_reset_out *out) {
    (void)out;
#ifndef LIFE_IGNORES_FLAGS
    if (in->flags != 0) return bad_flags(inst, call);
#else
    (void)in;
#endif
#ifdef LIFE_LOCK_OVER_SERVICE
    pthread_mutex_lock(&inst->lock);
#endif
    const pv_status status = inst->jobs->begin(inst->host, call, obj->handle, PV_JOB_MODIFY, "reset", 1000000000);
    if (status == PV_OK) inst->jobs->end(inst->host, obj->handle, PV_JOB_MODIFY);
#ifdef LIFE_LOCK_OVER_SERVICE
    pthread_mutex_unlock(&inst->lock);
#endif
    return status;
}

static pv_status op_destroy(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_destroy_in *in, pv_dom_destroy_out *out) {
    (void)out;
    if (in->flags != 0) return bad_flags(inst, call);
    pthread_mutex_lock(&inst->lock);
    if (inst->registry->retire(inst->host, obj->handle) == PV_OK)
        post_event(inst, obj->handle, obj->name, obj->uuid, obj->dom_id, STOPPED);
    pthread_mutex_unlock(&inst->lock);
    return PV_OK;
}

#ifdef LIFE_COMPLETES_CANCELLED
/* A read that ends when it is cancelled, and once more when its time has come. */
static void info_cancelled(void *ctx) {
    struct later *l = ctx;
    fail(l->inst, l->call, ERR_INTERNAL, "cancelled");
    l->inst->call->complete(l->call, PV_CANCELLED);
}

static void info_ready(void *ctx) {
    struct later *l = ctx;
    l->inst->call->complete(l->call, PV_OK);
}
#endif

static pv_status op_info(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_info_in *in, pv_dom_info_out *out) {
    (void)call, (void)in;
    pthread_mutex_lock(&inst->lock);
    out->state = obj->state;
    pthread_mutex_unlock(&inst->lock);
    out->max_memory = out->memory = 65536;
    out->vcpus = 1;
#ifdef LIFE_COMPLETES_CANCELLED
    struct later *l = calloc(1, sizeof(*l));
    if (l == NULL) return fail(inst, call, ERR_NO_MEMORY, "out of memory");
    l->inst = inst;
    l->call = call;
    if (inst->call->on_cancel(call, info_cancelled, l, NULL) != PV_OK ||
        inst->loops->add_timer(inst->loop, 200000000, 0, info_ready, l, free) == NULL) {
        free(l);
        return fail(inst, call, ERR_INTERNAL, "the loop is gone");
    }
    return PV_PENDING;
#else
    return PV_OK;
#endif
}

#ifdef LIFE_ODD_PARAMS
static pv_status op_perf_events(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_perf_events_in *in,
                                pv_dom_perf_events_out *out) {
    (void)obj;
    if (in->flags != 0) return bad_flags(inst, call);
    const pv_param odd = {.field = "no_such_event", .type = PV_PARAM_BOOLEAN, .v = {.b = 1}};
    const pv_param wrong = {.field = "cpu_cycles", .type = PV_PARAM_STRING, .v = {.s = "many"}};
    if (inst->build->add_param(out->params, &odd) == PV_OK && inst->build->add_param(out->params, &wrong) == PV_OK) return PV_OK;
    return fail(inst, call, ERR_INTERNAL, "no room for parameters");
}
#endif

static const pv_hv_caps caps = {.size = sizeof(caps), .type = op_type};
static const pv_dom_lifecycle lifecycle = {
#ifdef LIFE_LIES_ABOUT_SIZE
    .size = 1U << 30,
#else
    .size = sizeof(lifecycle),
#endif
    .create_xml = op_create_xml, .suspend = op_suspend, .resume = op_resume, .reset = op_reset, .destroy = op_destroy};
static const pv_dom_stats stats = {.size = sizeof(stats), .info = op_info,
#ifdef LIFE_ODD_PARAMS
                                   .perf_events = op_perf_events
#endif
};

/* ---- the plugin ------------------------------------------------------------------------------------------------ */

static pv_status probe(const char *uri, int32_t privileged, pv_probe *out) {
    (void)privileged;
    if (strncmp(uri, "life:///", 8) != 0) return PV_OK;
#ifdef LIFE_PROBE_OVERFLOWS
    strcpy(out->instance, uri);
#else
    if (strlen(uri) >= sizeof(out->instance)) return PV_OK;
#endif
    out->score = 100;
    out->lifetime = PV_LIFETIME_STATIC;
    strcpy(out->canonical, "life:///default");
    strcpy(out->instance, "default");
    return PV_OK;
}

#ifdef LIFE_GLOBAL_STATE
static int started;
#endif

static pv_status create(pv_host *host, const pv_host_root *r, const char *instance, pv_inst **out) {
    (void)instance;
    pv_inst *inst = calloc(1, sizeof(*inst));
    if (inst == NULL) return PV_FAIL;
    inst->host = host;
    inst->build = r->get_service(host, PV_SVC_BUILD, sizeof(*inst->build));
    inst->call = r->get_service(host, PV_SVC_CALL, sizeof(*inst->call));
    inst->registry = r->get_service(host, PV_SVC_REGISTRY, sizeof(*inst->registry));
    inst->loops = r->get_service(host, PV_SVC_LOOP, sizeof(*inst->loops));
    inst->events = r->get_service(host, PV_SVC_EVENT, sizeof(*inst->events));
    inst->jobs = r->get_service(host, PV_SVC_JOB, sizeof(*inst->jobs));
    inst->log = r->get_service(host, PV_SVC_LOG, sizeof(*inst->log));
    inst->check = r->get_service(host, PV_SVC_CHECK, sizeof(*inst->check));
#ifdef LIFE_NEEDS_CHECK
    *inst->check->lock_rank() = 0;
#endif
#ifdef LIFE_READS_PAST_TABLE
    if (((const void *const volatile *)inst->log)[sizeof(*inst->log) / sizeof(void *)] != NULL) inst->next_id = 1;
#endif
#ifdef LIFE_TRUSTS_SERVICES
    const pv_svc_paths *paths = r->get_service(host, PV_SVC_PATHS, sizeof(*paths)); /* not in the manifest's needs */
    paths->dir(host, PV_PATH_RUN);
#endif
    if (inst->build == NULL || inst->call == NULL || inst->registry == NULL || inst->loops == NULL || inst->events == NULL ||
        inst->jobs == NULL || inst->log == NULL) {
        free(inst);
        return PV_UNSUPPORTED;
    }
#ifdef LIFE_BUSY_CREATE
    inst->loop = inst->loops->acquire(host, PV_LOOP_SHARED, "early");
    inst->loops->release(inst->loop);
#endif
    pthread_mutex_init(&inst->lock, NULL);
    *out = inst;
    return PV_OK;
}

static const void *get_interface(pv_inst *inst, const char *id) {
    (void)inst;
#ifdef LIFE_ANSWERS_PREFIXES
    if (strncmp(id, "pv.dom.lifecycle/1", 18) == 0) return &lifecycle;
#endif
    if (strcmp(id, PV_IFACE_HV_CAPS) == 0) return &caps;
    if (strcmp(id, PV_IFACE_DOM_STATS) == 0) return &stats;
    return strcmp(id, PV_IFACE_DOM_LIFECYCLE) == 0 ? &lifecycle : NULL;
}

#ifdef LIFE_LEAKS_THREAD
static void *idle(void *ctx) {
    while (poll(NULL, 0, -1) != 2) continue;
    return ctx;
}
#endif

static pv_status start(pv_inst *inst, pv_call *call, uint32_t how) {
    (void)how;
#ifdef LIFE_NO_SECOND_LIFE
    static int lives = 0;
    if (++lives > 1 && how == PV_START_CRASH_RECOVER) return fail(inst, call, ERR_INTERNAL, "once is enough");
#endif
#ifdef LIFE_GLOBAL_STATE
    if (started) return fail(inst, call, ERR_INTERNAL, "there can be only one");
    started = 1;
#endif
#ifdef LIFE_LEAKS_THREAD
    pthread_t thread;
    if (pthread_create(&thread, NULL, idle, inst) == 0) pthread_detach(thread);
#endif
#ifdef LIFE_INHERITS_FD
    inst->inherited = open("/dev/null", O_RDONLY);
#endif
    inst->loop = inst->loops->acquire(inst->host, PV_LOOP_DEDICATED, "life");
    inst->queue = inst->events->queue_new(inst->host, "life");
    if (inst->loop != NULL && inst->queue != NULL) return PV_OK;
    return fail(inst, call, ERR_INTERNAL, "no loop or no queue");
}

static void stop(pv_inst *inst, uint32_t why) {
    (void)why;
#ifdef LIFE_GLOBAL_STATE
    started = 0;
#endif
    inst->events->queue_free(inst->queue);
    inst->loops->release(inst->loop);
#ifdef LIFE_RELEASES_TWICE
    inst->loops->release(inst->loop);
#endif
}

static void destroy(pv_inst *inst) {
#ifdef LIFE_INHERITS_FD
    close(inst->inherited);
#endif
    pthread_mutex_destroy(&inst->lock);
    free(inst);
}

static const pv_plugin plugin = {.size = sizeof(plugin), .abi_minor = PV_ABI_MINOR, .concurrency = PV_CONCURRENCY_PARALLEL,
                                 .id = "t_life", .version = "1", .build_id = "t", .probe = probe, .create = create,
                                 .get_interface = get_interface, .start = start, .stop = stop, .destroy = destroy};

#ifdef LIFE_BUSY_CONSTRUCTOR
__attribute__((constructor)) static void early(void) { (void)!open("/dev/null", O_RDONLY | O_CLOEXEC); }
#endif
#ifdef LIFE_EXPORTS_TOO_MUCH
PV_EXPORT int life_helper(void);
int life_helper(void) { return 42; }
#endif

PV_EXPORT const pv_plugin *pv_plugin_entry_v1(const pv_host_root *hello, char *err, uint32_t errlen) {
    (void)err, (void)errlen;
#ifdef LIFE_REFUSES_NEWER_HOSTS
    if (hello->abi_minor > PV_ABI_MINOR) {
        strncpy(err, "this host is too new", errlen - 1);
        return NULL;
    }
#else
    (void)hello;
#endif
    return &plugin;
}
