/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright 2026 The polyvirt authors */
/* One plugin that is wrong in one way, named by the WRONG_ that it is compiled with. */
#include <string.h>

#include <polyvirt/abi/entry.h>

#if defined(WRONG_WRONG_ABI)
PV_MANIFEST("id: " WRONG_ID "\nabi: [0, 9]\n");
#elif defined(WRONG_NEED_MISSING)
PV_MANIFEST("id: " WRONG_ID "\nabi: [0, 1]\nneeds: [host.call/1, host.teleport/1>=48]\n");
#elif defined(WRONG_NEED_TOO_NEW)
PV_MANIFEST("id: " WRONG_ID "\nabi: [0, 1]\nneeds: [host.call/1>=4096]\n");
#elif defined(WRONG_BAD_YAML)
PV_MANIFEST("id: " WRONG_ID "\nabi: [0, 1\n");
#elif !defined(WRONG_NO_NOTE)
PV_MANIFEST("id: " WRONG_ID "\nabi: [0, 1]\n");
#endif

#ifdef WRONG_UNDEFINED_SYMBOL
extern int nobody_has_this(void);
#endif

static pv_status probe(const char *uri, int32_t privileged, pv_probe *out) {
    (void)uri;
    (void)privileged;
    (void)out;
    return PV_OK;
}
static pv_status create(pv_host *host, const pv_host_root *root, const char *instance, pv_inst **out) {
    (void)host;
    (void)root;
    (void)instance;
    (void)out;
#ifdef WRONG_UNDEFINED_SYMBOL
    return nobody_has_this();
#else
    return PV_FAIL;
#endif
}
static const void *get_interface(pv_inst *inst, const char *id) {
    (void)inst;
    (void)id;
    return NULL;
}
static pv_status start(pv_inst *inst, pv_call *call, uint32_t how) {
    (void)inst;
    (void)call;
    (void)how;
    return PV_OK;
}
static void stop(pv_inst *inst, uint32_t why) {
    (void)inst;
    (void)why;
}
static void destroy(pv_inst *inst) { (void)inst; }

static const pv_plugin plugin = {
#ifdef WRONG_SHORT_TABLE
    .size = 24,
#else
    .size = sizeof(plugin),
#endif
    .abi_minor = PV_ABI_MINOR,
#ifdef WRONG_BAD_CONCURRENCY
    .concurrency = 7,
#else
    .concurrency = PV_CONCURRENCY_SERIAL_ALL,
#endif
#ifdef WRONG_OTHER_ID
    .id = "t_other",
#else
    .id = WRONG_ID,
#endif
    .version = "1",
    .build_id = "t",
    .probe = probe,
#ifndef WRONG_NO_CREATE
    .create = create,
#endif
    .get_interface = get_interface,
    .start = start,
    .stop = stop,
    .destroy = destroy};

#ifdef WRONG_NO_ENTRY
__attribute__((visibility("hidden")))
#else
PV_EXPORT
#endif
const pv_plugin *
#ifdef WRONG_NO_ENTRY
pv_plugin_entry_hidden(const pv_host_root *hello, char *err, uint32_t errlen);
const pv_plugin *pv_plugin_entry_hidden(const pv_host_root *hello, char *err, uint32_t errlen) {
#else
pv_plugin_entry_v1(const pv_host_root *hello, char *err, uint32_t errlen) {
#endif
    (void)create;
#ifdef WRONG_ENTRY_NULL
    strncpy(err, "no such hardware here", errlen - 1);
    return hello != NULL ? NULL : &plugin;
#else
    (void)hello;
    (void)err;
    (void)errlen;
    return &plugin;
#endif
}
