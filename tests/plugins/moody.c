/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright 2026 The polyvirt authors */
/*
 * A driver without objects, for the tests of loading. Its one static instance is SCHEME:///default. What it does is
 * said by its setting `mood`, read when it is made:
 *
 *   abort-in-create   ends the process
 *   fail-in-start     does not start
 *
 * Compiled with one of the names below it has another manifest, so that plugins meet which serve the same or use
 * each other. MOODY_V2: a later version of the same plugin.
 */
#include <stdlib.h>
#include <string.h>

#include <polyvirt/abi/call.h>
#include <polyvirt/abi/config.h>
#include <polyvirt/abi/entry.h>

#if defined(MOODY_NET_A)
#define ID "t_net_a"
#define SCHEME "neta"
#define EDGES "kinds: [network]\nserves: [network]\n"
#elif defined(MOODY_NET_B)
#define ID "t_net_b"
#define SCHEME "netb"
#define EDGES "kinds: [network]\nserves: [network]\n"
#elif defined(MOODY_NET_USER)
#define ID "t_a_net_user"
#define SCHEME "netuser"
#define EDGES "uses: [network]\n"
#elif defined(MOODY_TWIN)
#define ID "t_twin"
#define SCHEME "moody"
#define EDGES ""
#elif defined(MOODY_CIRCLE_A)
#define ID "t_circle_a"
#define SCHEME "circlea"
#define EDGES "kinds: [pool]\nserves: [pool]\nuses: [secret]\n"
#elif defined(MOODY_CIRCLE_B)
#define ID "t_circle_b"
#define SCHEME "circleb"
#define EDGES "kinds: [secret]\nserves: [secret]\nuses: [pool]\n"
#else
#define ID "t_moody"
#define SCHEME "moody"
#define EDGES ""
#endif
#ifdef MOODY_V2
#define VERSION "2"
#else
#define VERSION "1"
#endif

PV_MANIFEST("id: " ID "\nabi: [0, 1]\nversion: '" VERSION "'\nneeds: [host.call/1, host.config/1]\nuri: [" SCHEME "]\n" EDGES);

struct pv_inst {
    const pv_svc_call *call;
    int fails;
};

static pv_status probe(const char *uri, int32_t privileged, pv_probe *out) {
    (void)privileged;
    if (strcmp(uri, SCHEME ":///default") != 0) return PV_OK;
    out->score = 100;
    out->lifetime = PV_LIFETIME_STATIC;
    strncpy(out->canonical, uri, sizeof(out->canonical) - 1);
    strncpy(out->instance, "default", sizeof(out->instance) - 1);
    return PV_OK;
}

static pv_status create(pv_host *host, const pv_host_root *root, const char *instance, pv_inst **out) {
    (void)instance;
    char mood[32] = "";
    const pv_svc_config *config = root->get_service(host, PV_SVC_CONFIG, sizeof(*config));
    if (config->get(host, "mood", mood, sizeof(mood)) != PV_OK) mood[0] = '\0';
    if (strcmp(mood, "abort-in-create") == 0) abort();
    pv_inst *inst = calloc(1, sizeof(*inst));
    if (inst == NULL) return PV_FAIL;
    inst->call = root->get_service(host, PV_SVC_CALL, sizeof(*inst->call));
    inst->fails = strcmp(mood, "fail-in-start") == 0;
    *out = inst;
    return PV_OK;
}

static const void *get_interface(pv_inst *inst, const char *id) {
    (void)inst;
    (void)id;
    return NULL;
}

static pv_status start(pv_inst *inst, pv_call *call, uint32_t how) {
    (void)how;
    if (!inst->fails) return PV_OK;
    const pv_error error = {.size = sizeof(error), .code = 1, .int1 = -1, .int2 = -1, .message = "not in the mood"};
    inst->call->error(call, &error);
    return PV_FAIL;
}

static void stop(pv_inst *inst, uint32_t why) {
    (void)inst;
    (void)why;
}

static void destroy(pv_inst *inst) { free(inst); }

static const pv_plugin plugin = {.size = sizeof(plugin),
                                 .abi_minor = PV_ABI_MINOR,
                                 .concurrency = PV_CONCURRENCY_PARALLEL,
                                 .id = ID,
                                 .version = VERSION,
                                 .build_id = "t",
                                 .probe = probe,
                                 .create = create,
                                 .get_interface = get_interface,
                                 .start = start,
                                 .stop = stop,
                                 .destroy = destroy};

PV_EXPORT const pv_plugin *pv_plugin_entry_v1(const pv_host_root *hello, char *err, uint32_t errlen) {
    (void)hello;
    (void)err;
    (void)errlen;
    return &plugin;
}
