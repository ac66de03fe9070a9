/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
/* A whole driver in C: a hypervisor with one domain, "demo", that can be started and destroyed and exists in
 * memory alone. Everything a driver must have is here; README.md says what to change first. */
#include <pthread.h>
#include <stdlib.h>

#include <polyvirt/abi/gen/dom_config.h>
#include <polyvirt/abi/gen/dom_lifecycle.h>
#include <polyvirt/c.h>

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
    pv_services s;
    pv_queue *queue;
    pthread_mutex_t lock; /* create and destroy of one domain may meet: destroy is never kept waiting */
    int running;
};

/* Starts or stops the domain; what is known here, what the registry shows and what is told go together. */
static pv_status switch_domain(pv_inst *inst, pv_call *call, const pv_obj *obj, int on) {
    static const pv_domain_turn turns[] = {
        {-1, PV_DOMAIN_SHUTOFF, PV_DOMAIN_SHUTOFF_DESTROYED, PV_DOMAIN_EVENT_STOPPED, PV_DOMAIN_EVENT_STOPPED_DESTROYED},
        {1, PV_DOMAIN_RUNNING, PV_DOMAIN_RUNNING_BOOTED, PV_DOMAIN_EVENT_STARTED, PV_DOMAIN_EVENT_STARTED_BOOTED}};
    pthread_mutex_lock(&inst->lock);
    const int change = inst->running != on;
    if (change) {
        inst->running = on;
        pv_turn_domain(&inst->s, inst->queue, obj, &turns[on]);
    }
    pthread_mutex_unlock(&inst->lock);
    if (change) return PV_OK;
    return pv_fail(&inst->s, call, PV_ERR_OPERATION_INVALID, on ? "domain is already running" : "domain is not running");
}

static pv_status dom_create(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_create_in *in,
                            pv_dom_create_out *out) {
    (void)out;
    if (pv_check_flags(&inst->s, call, in->flags, 0) != PV_OK) return PV_FAIL;
    return switch_domain(inst, call, obj, 1);
}

static pv_status dom_destroy(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_destroy_in *in,
                             pv_dom_destroy_out *out) {
    (void)out;
    if (pv_check_flags(&inst->s, call, in->flags, 0) != PV_OK) return PV_FAIL;
    return switch_domain(inst, call, obj, 0);
}

static pv_status dom_xml_desc(pv_inst *inst, pv_call *call, const pv_obj *obj, const pv_dom_xml_desc_in *in,
                              pv_dom_xml_desc_out *out) {
    /* What others can ask for in a description makes no difference here. */
    const uint32_t known = PV_DOMAIN_XML_SECURE | PV_DOMAIN_XML_INACTIVE | PV_DOMAIN_XML_UPDATE_CPU | PV_DOMAIN_XML_MIGRATABLE;
    if (pv_check_flags(&inst->s, call, in->flags, known) != PV_OK) return PV_FAIL;
    char text[512];
    const int length = snprintf(text, sizeof text, "<domain type='template'>\n  <name>%s</name>\n</domain>\n", obj->name);
    return inst->s.build->write(out->xml, text, (size_t)length);
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
    return pv_probe_one(uri, "template:///default", out);
}

static pv_status create(pv_host *host, const pv_host_root *root, const char *instance, pv_inst **out) {
    (void)instance;
    pv_inst *inst = calloc(1, sizeof *inst);
    if (inst == NULL) return PV_FAIL;
    pv_services_get(&inst->s, host, root);
    pthread_mutex_init(&inst->lock, NULL);
    *out = inst;
    return PV_OK;
}

/* Clients are not served yet. What is published here is what they will find. */
static pv_status start(pv_inst *inst, pv_call *call, uint32_t how) {
    (void)how;
    const pv_obj_desc demo = {.size = sizeof demo, .kind = PV_KIND_DOMAIN, .name = "demo", .dom_id = -1,
                              .uuid = {0xde, 0x30, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1},
                              .state = PV_DOMAIN_SHUTOFF, .attrs = PV_ATTR_PERSISTENT};
    uint64_t handle = 0;
    inst->queue = inst->s.event->queue_new(inst->s.host, "lifecycle");
    if (inst->queue == NULL) return pv_fail(&inst->s, call, PV_ERR_NO_MEMORY, "out of memory");
    return inst->s.registry->publish(inst->s.host, call, &demo, &handle);
}

static void stop(pv_inst *inst, uint32_t why) {
    (void)why;
    inst->s.event->queue_free(inst->queue);
    inst->queue = NULL;
}

static void destroy(pv_inst *inst) {
    if (inst->queue != NULL) inst->s.event->queue_free(inst->queue); /* start() failed after it was made */
    pthread_mutex_destroy(&inst->lock);
    free(inst);
}

static const pv_plugin plugin = {.size = sizeof plugin, .abi_minor = 1,
                                 .concurrency = PV_CONCURRENCY_SERIAL_PER_OBJECT, .id = "template", .version = "0.1",
                                 .build_id = "", .probe = probe, .create = create, .get_interface = get_interface,
                                 .start = start, .stop = stop, .destroy = destroy};
PV_ENTRY(plugin)
