/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright 2026 The polyvirt authors */
/*
 * A driver without objects, for the tests of loading. Its one static instance is SCHEME:///default. What it does is
 * said by its setting `mood`, read when it is made:
 *
 *   abort-in-create   ends the process
 *   abort-for-client  ends the process when it is made for a client: SCHEME:///mine lives for one connection
 *   fail-in-start     does not start
 *   fail-in-reload    does not take a changed configuration
 *
 * It reads the setting again in reconfigure() and tells it in the log: "in the mood for MOOD".
 *
 * Compiled with one of the names below it has another manifest, so that plugins meet which serve the same or use
 * each other. MOODY_V2: a later version of the same plugin.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <polyvirt/abi/call.h>
#include <polyvirt/abi/config.h>
#include <polyvirt/abi/entry.h>
#include <polyvirt/abi/log.h>

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

PV_MANIFEST("id: " ID "\nabi: [0, 1]\nversion: '" VERSION "'\nneeds: [host.call/1, host.config/1, host.log/1]\nuri: [" SCHEME "]\n" EDGES);

enum { MOOD_BYTES = 32 };

struct pv_inst {
    pv_host *host;
    const pv_svc_call *call;
    const pv_svc_config *config;
    const pv_svc_log *log;
    char mood[MOOD_BYTES];
};

static void read_mood(const pv_svc_config *config, pv_host *host, char *mood) {
    if (config->get(host, "mood", mood, MOOD_BYTES) != PV_OK) mood[0] = '\0';
}

static pv_status fail(const pv_inst *inst, pv_call *call, const char *text) {
    const pv_error error = {.size = sizeof(error), .code = 1, .int1 = -1, .int2 = -1, .message = text};
    inst->call->error(call, &error);
    return PV_FAIL;
}

static pv_status probe(const char *uri, int32_t privileged, pv_probe *out) {
    (void)privileged;
    const int mine = strcmp(uri, SCHEME ":///mine") == 0;
    if (!mine && strcmp(uri, SCHEME ":///default") != 0) return PV_OK;
    out->score = 100;
    out->lifetime = mine ? PV_LIFETIME_PER_CONNECTION : PV_LIFETIME_STATIC;
    strncpy(out->canonical, uri, sizeof(out->canonical) - 1);
    strncpy(out->instance, mine ? "mine" : "default", sizeof(out->instance) - 1);
    return PV_OK;
}

static pv_status create(pv_host *host, const pv_host_root *root, const char *instance, pv_inst **out) {
    pv_inst *inst = calloc(1, sizeof(*inst));
    if (inst == NULL) return PV_FAIL;
    inst->host = host;
    inst->call = root->get_service(host, PV_SVC_CALL, sizeof(*inst->call));
    inst->config = root->get_service(host, PV_SVC_CONFIG, sizeof(*inst->config));
    inst->log = root->get_service(host, PV_SVC_LOG, sizeof(*inst->log));
    read_mood(inst->config, host, inst->mood);
    if (strcmp(inst->mood, "abort-in-create") == 0) abort();
    if (strcmp(inst->mood, "abort-for-client") == 0 && strcmp(instance, "mine") == 0) abort();
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
    return strcmp(inst->mood, "fail-in-start") == 0 ? fail(inst, call, "not in the mood") : PV_OK;
}

static pv_status reconfigure(pv_inst *inst, pv_call *call) {
    char mood[MOOD_BYTES], text[2 * MOOD_BYTES];
    read_mood(inst->config, inst->host, mood);
    const int fails = strcmp(mood, "fail-in-reload") == 0;
    if (!fails) memcpy(inst->mood, mood, sizeof(mood));
    snprintf(text, sizeof(text), "in the mood for '%s'", inst->mood);
    inst->log->write(inst->host, PV_LOG_INFO, "mood", text);
    return fails ? fail(inst, call, "not in the mood for changes") : PV_OK;
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
                                 .reconfigure = reconfigure,
                                 .stop = stop,
                                 .destroy = destroy};

PV_EXPORT const pv_plugin *pv_plugin_entry_v1(const pv_host_root *hello, char *err, uint32_t errlen) {
    (void)hello;
    (void)err;
    (void)errlen;
    return &plugin;
}
