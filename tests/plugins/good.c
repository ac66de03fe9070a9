/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright 2026 The polyvirt authors */
/*
 * A driver in plain C from the public headers alone: domains that exist in name only. create_xml takes the
 * document's text for the name; suspend answers later, from the loop; destroy posts an event and retires.
 */
#include <stdlib.h>
#include <string.h>

#include <polyvirt/abi/call.h>
#include <polyvirt/abi/check.h>
#include <polyvirt/abi/entry.h>
#include <polyvirt/abi/event.h>
#include <polyvirt/abi/gen/events.h>
#include <polyvirt/abi/gen/ops.h>
#include <polyvirt/abi/log.h>
#include <polyvirt/abi/loop.h>
#include <polyvirt/abi/registry.h>

#include "document.h"

PV_MANIFEST("id: t_good\n"
            "abi: [0, 1]\n"
            "provides: [pv.dom.lifecycle/1]\n"
            "needs: [host.call/1, host.registry/1>=64, host.loop/1, host.event/1]\n"
            "uri: [good]\n"
            "kinds: [domain]\n");

struct pv_inst {
    pv_host *host;
    const pv_svc_call *call;
    const pv_svc_registry *registry;
    const pv_svc_loop *loops;
    const pv_svc_event *events;
    pv_loop *loop;
    pv_queue *queue;
    int32_t last_id;
};

struct domain {
    char name[64];
};

static void fail(pv_inst *inst, pv_call *call, int32_t code, const char *text) {
    pv_error e = {.size = sizeof(e), .code = code, .int1 = -1, .int2 = -1, .message = text};
    inst->call->error(call, &e);
}

static pv_status op_create_xml(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_create_xml_in *in,
                               pv_dom_create_xml_out *out) {
    (void)obj;
    if (in->flags != 0) {
        fail(inst, call, 8, "unsupported flags");
        return PV_FAIL;
    }
    struct domain *d = calloc(1, sizeof(*d));
    if (d == NULL) {
        fail(inst, call, 2, "out of memory");
        return PV_FAIL;
    }
    read_name(in->xml, d->name, sizeof(d->name));
    pv_obj_desc desc = {.size = sizeof(desc), .kind = PV_KIND_DOMAIN, .name = d->name,
                        .dom_id = __atomic_add_fetch(&inst->last_id, 1, __ATOMIC_RELAXED), .state = 1,
                        .attrs = PV_ATTR_ACTIVE, .data = d, .release = free};
    read_uuid(in->xml, d->name, desc.uuid);
    pv_status s = inst->registry->publish(inst->host, call, &desc, &out->obj);
    if (s != PV_OK) free(d);
    return s;
}

struct later {
    pv_inst *inst;
    pv_call *call;
    uint64_t handle;
};

static void suspended(void *ctx) {
    struct later *l = ctx;
    pv_obj_update u = {.size = sizeof(u), .what = PV_UPDATE_STATE, .state = 3};
    l->inst->registry->update(l->inst->host, l->handle, &u);
    l->inst->call->complete(l->call, PV_OK);
}

static pv_status op_suspend(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_suspend_in *in,
                            pv_dom_suspend_out *out) {
    (void)in;
    (void)out;
    struct later *l = malloc(sizeof(*l));
    if (l == NULL) {
        fail(inst, call, 2, "out of memory");
        return PV_FAIL;
    }
    *l = (struct later){inst, call, obj->handle};
    if (inst->loops->post(inst->loop, suspended, l, free) == PV_OK) return PV_PENDING;
    free(l);
    fail(inst, call, 1, "the loop is gone");
    return PV_FAIL;
}

static pv_status op_destroy(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_destroy_in *in,
                            pv_dom_destroy_out *out) {
    (void)out;
    if (in->flags != 0) {
        fail(inst, call, 8, "unsupported flags");
        return PV_FAIL;
    }
    const pv_event_domain_lifecycle payload = {.size = sizeof(payload), .event = 5, .detail = 1};
    pv_event event = {.size = sizeof(event), .kind = PV_KIND_DOMAIN, .id = 0, .dom_id = obj->dom_id,
                      .object = obj->handle, .name = obj->name, .payload = &payload};
    memcpy(event.uuid, obj->uuid, sizeof(event.uuid));
    if (inst->registry->retire(inst->host, obj->handle) == PV_OK) inst->events->post(inst->queue, &event);
    return PV_OK;
}

static const pv_dom_lifecycle lifecycle = {.size = sizeof(lifecycle), .create_xml = op_create_xml,
                                           .suspend = op_suspend, .destroy = op_destroy};

static const pv_host_root *root;

static pv_status probe(const char *uri, int32_t privileged, pv_probe *out) {
    (void)privileged;
    if (strncmp(uri, "good:///", 8) != 0 || strlen(uri) >= sizeof(out->instance)) return PV_OK;
    out->score = 100;
    out->lifetime = strcmp(uri + 8, "mine") == 0 ? PV_LIFETIME_PER_CONNECTION : PV_LIFETIME_STATIC;
    strncpy(out->canonical, uri, sizeof(out->canonical) - 1);
    strncpy(out->instance, uri + 8, sizeof(out->instance) - 1);
    return PV_OK;
}

static pv_status create(pv_host *host, const pv_host_root *r, const char *instance, pv_inst **out) {
    (void)instance;
    pv_inst *inst = calloc(1, sizeof(*inst));
    if (inst == NULL) return PV_FAIL;
    inst->host = host;
    inst->call = r->get_service(host, PV_SVC_CALL, sizeof(*inst->call));
    inst->registry = r->get_service(host, PV_SVC_REGISTRY, sizeof(*inst->registry));
    inst->loops = r->get_service(host, PV_SVC_LOOP, sizeof(*inst->loops));
    inst->events = r->get_service(host, PV_SVC_EVENT, sizeof(*inst->events));
    if (inst->call == NULL || inst->registry == NULL || inst->loops == NULL || inst->events == NULL) {
        free(inst);
        return PV_UNSUPPORTED;
    }
    *out = inst;
    return PV_OK;
}

static const void *get_interface(pv_inst *inst, const char *id) {
    (void)inst;
    return strcmp(id, "pv.dom.lifecycle/1") == 0 ? &lifecycle : NULL;
}

static pv_status start(pv_inst *inst, pv_call *call, uint32_t how) {
    (void)how;
    inst->loop = inst->loops->acquire(inst->host, PV_LOOP_DEDICATED, "good");
    inst->queue = inst->events->queue_new(inst->host, "good");
    if (inst->loop != NULL && inst->queue != NULL) return PV_OK;
    fail(inst, call, 1, "no loop or no queue");
    return PV_FAIL;
}

static void stop(pv_inst *inst, uint32_t why) {
    (void)why;
    inst->events->queue_free(inst->queue);
    inst->loops->release(inst->loop);
}

static void destroy(pv_inst *inst) { free(inst); }

static const pv_plugin plugin = {.size = sizeof(plugin), .abi_minor = PV_ABI_MINOR,
                                 .concurrency = PV_CONCURRENCY_SERIAL_PER_OBJECT, .id = "t_good", .version = "1",
                                 .build_id = "t", .probe = probe, .create = create, .get_interface = get_interface,
                                 .start = start, .stop = stop, .destroy = destroy};

PV_EXPORT const pv_plugin *pv_plugin_entry_v1(const pv_host_root *hello, char *err, uint32_t errlen) {
    (void)err;
    (void)errlen;
    root = hello;
    return &plugin;
}
