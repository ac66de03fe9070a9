/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
/* What skew_test.py builds against headers of other releases: a driver that does what templates/c-null does, with
 * nothing but <polyvirt/abi>, and with each struct written out, so that the test can add fields to them. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <polyvirt/abi/build.h>
#include <polyvirt/abi/call.h>
#include <polyvirt/abi/entry.h>
#include <polyvirt/abi/event.h>
#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/abi/gen/dom_config.h>
#include <polyvirt/abi/gen/dom_lifecycle.h>
#include <polyvirt/abi/gen/errors.h>
#include <polyvirt/abi/gen/events.h>
#include <polyvirt/abi/registry.h>

/* What the host reads before it loads the file. It refuses the plugin if it lacks something of this. */
PV_MANIFEST("id: template\n"
            "abi: [0, 1]\n"
            "provides: [pv.dom.lifecycle/1, pv.dom.config/1]\n"
            "needs: [host.build/1, host.call/1, host.event/1, host.registry/1]\n"
            "uri: [template]\n"
            "kinds: [domain]\n"
            "type: TEMPLATE\n");

/* All state hangs off the instance: there may be several, and later versions of this file beside this one. */
struct pv_inst {
    pv_host *host;
    const pv_svc_build *build;
    const pv_svc_call *call;
    const pv_svc_event *event;
    const pv_svc_registry *registry;
    pv_queue *queue;
    pthread_mutex_t lock; /* create and destroy of one domain may meet: destroy is never kept waiting */
    int running;
};

/* What others can ask for in a description makes no difference here. */
enum { XML_FLAGS = PV_DOMAIN_XML_SECURE | PV_DOMAIN_XML_INACTIVE | PV_DOMAIN_XML_UPDATE_CPU | PV_DOMAIN_XML_MIGRATABLE };

static const uint8_t demo_uuid[16] = {0xde, 0x30, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1};

static pv_status fail(pv_inst *inst, pv_call *call, int32_t code, const char *text) {
    const pv_error error = {.size = sizeof error, .code = code, .level = PV_ERR_ERROR, .int1 = -1, .int2 = -1, .message = text};
    inst->call->error(call, &error);
    return PV_FAIL;
}

/* Starts or stops the domain: first what the registry shows, then the event, both under the domain's lock. */
static pv_status switch_domain(pv_inst *inst, pv_call *call, const pv_obj *obj, int on) {
    const int32_t state = on ? PV_DOMAIN_RUNNING : PV_DOMAIN_SHUTOFF, id = on ? 1 : -1;
    const pv_obj_update update = {.size = sizeof update, .what = PV_UPDATE_ATTRS | PV_UPDATE_STATE | PV_UPDATE_ID,
                                  .attrs = on ? PV_ATTR_ACTIVE : 0, .attrs_mask = PV_ATTR_ACTIVE, .state = state,
                                  .reason = on ? PV_DOMAIN_RUNNING_BOOTED : PV_DOMAIN_SHUTOFF_DESTROYED, .dom_id = id};
    const pv_event_domain_lifecycle what = {
        .size = sizeof what, .event = on ? PV_DOMAIN_EVENT_STARTED : PV_DOMAIN_EVENT_STOPPED,
        .detail = on ? PV_DOMAIN_EVENT_STARTED_BOOTED : PV_DOMAIN_EVENT_STOPPED_DESTROYED};
    pv_event event = {.size = sizeof event, .kind = PV_KIND_DOMAIN, .id = PV_EVENT_DOMAIN_LIFECYCLE, .dom_id = 1,
                      .object = obj->handle, .name = obj->name, .payload = &what};
    memcpy(event.uuid, obj->uuid, sizeof event.uuid);
    pthread_mutex_lock(&inst->lock);
    const int change = inst->running != on;
    if (change) {
        inst->running = on;
        inst->registry->update(inst->host, obj->handle, &update);
        inst->event->post(inst->queue, &event);
    }
    pthread_mutex_unlock(&inst->lock);
    return change ? PV_OK : fail(inst, call, PV_ERR_OPERATION_INVALID, on ? "domain is already running" : "domain is not running");
}

/* A flag that is not known is an error, never ignored. */
static pv_status check_flags(pv_inst *inst, pv_call *call, uint32_t flags, uint32_t known) {
    return (flags & ~known) == 0 ? PV_OK : fail(inst, call, PV_ERR_INVALID_ARG, "unsupported flags");
}

static pv_status dom_create(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_create_in *in,
                            pv_dom_create_out *out) {
    (void)out;
    if (check_flags(inst, call, in->flags, 0) != PV_OK) return PV_FAIL;
    return switch_domain(inst, call, obj, 1);
}

static pv_status dom_destroy(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_destroy_in *in,
                             pv_dom_destroy_out *out) {
    (void)out;
    if (check_flags(inst, call, in->flags, 0) != PV_OK) return PV_FAIL;
    return switch_domain(inst, call, obj, 0);
}

static pv_status dom_xml_desc(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_xml_desc_in *in,
                              pv_dom_xml_desc_out *out) {
    if (check_flags(inst, call, in->flags, XML_FLAGS) != PV_OK) return PV_FAIL;
    char text[512];
    const int length = snprintf(text, sizeof text, "<domain type='template'>\n  <name>%s</name>\n</domain>\n", obj->name);
    return inst->build->write(out->xml, text, (size_t)length);
}

/* A slot that is not filled is "not supported" for clients. */
static const pv_dom_lifecycle lifecycle = {.size = sizeof lifecycle, .create = dom_create, .destroy = dom_destroy};
static const pv_dom_config config = {.size = sizeof config, .xml_desc = dom_xml_desc};

static const void *get_interface(pv_inst *inst, const char *id) {
    (void)inst;
    if (strcmp(id, PV_IFACE_DOM_LIFECYCLE) == 0) return &lifecycle;
    return strcmp(id, PV_IFACE_DOM_CONFIG) == 0 ? &config : NULL;
}

static pv_status probe(const char *uri, int32_t privileged, pv_probe *out) {
    (void)privileged;
    if (strcmp(uri, "template:///default") != 0) return PV_OK; /* score 0: not mine */
    out->score = 100;
    out->lifetime = PV_LIFETIME_STATIC;
    strcpy(out->canonical, "template:///default");
    strcpy(out->instance, "default");
    return PV_OK;
}

static pv_status create(pv_host *host, const pv_host_root *root, const char *instance, pv_inst **out) {
    (void)instance;
    pv_inst *inst = calloc(1, sizeof *inst);
    if (inst == NULL) return PV_FAIL;
    inst->host = host;
    /* The manifest has asked for them, so they are there, with all slots that 0.1 had; whether one that came later is
     * there, PV_HAS() says. */
    inst->build = root->get_service(host, PV_SVC_BUILD, 0);
    inst->call = root->get_service(host, PV_SVC_CALL, 0);
    inst->event = root->get_service(host, PV_SVC_EVENT, 0);
    inst->registry = root->get_service(host, PV_SVC_REGISTRY, 0);
    pthread_mutex_init(&inst->lock, NULL);
    *out = inst;
    return PV_OK;
}

/* Clients are not served yet. What is published here is what they will find. */
static pv_status start(pv_inst *inst, pv_call *call, uint32_t how) {
    (void)how;
    pv_obj_desc demo = {.size = sizeof demo, .kind = PV_KIND_DOMAIN, .name = "demo", .dom_id = -1,
                        .state = PV_DOMAIN_SHUTOFF, .attrs = PV_ATTR_PERSISTENT};
    uint64_t handle = 0;
    memcpy(demo.uuid, demo_uuid, sizeof demo.uuid);
    inst->queue = inst->event->queue_new(inst->host, "lifecycle");
    if (inst->queue == NULL) return fail(inst, call, PV_ERR_NO_MEMORY, "out of memory");
    return inst->registry->publish(inst->host, call, &demo, &handle);
}

static void stop(pv_inst *inst, uint32_t why) {
    (void)why;
    inst->event->queue_free(inst->queue);
    inst->queue = NULL;
}

static void destroy(pv_inst *inst) {
    if (inst->queue != NULL) inst->event->queue_free(inst->queue); /* start() failed after it was made */
    pthread_mutex_destroy(&inst->lock);
    free(inst);
}

static const pv_plugin plugin = {.size = sizeof plugin, .abi_minor = 1,
                                 .concurrency = PV_CONCURRENCY_SERIAL_PER_OBJECT, .id = "template", .version = "0.1",
                                 .build_id = "", .probe = probe, .create = create, .get_interface = get_interface,
                                 .start = start, .stop = stop, .destroy = destroy};

PV_EXPORT const pv_plugin *pv_plugin_entry_v1(const pv_host_root *hello, char *err, uint32_t errlen) {
    (void)hello, (void)err, (void)errlen;
    return &plugin;
}
