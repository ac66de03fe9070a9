/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_ENTRY_H
#define POLYVIRT_ABI_ENTRY_H
/*
 * How a plugin is found, described and started. A plugin is a shared object with one exported symbol,
 * pv_plugin_entry_v1, and an ELF note with its manifest, which the host reads without running code.
 */
#include <polyvirt/abi/base.h>

/* What the host offers, handed to the entry and to create(). Valid for ever. */
typedef struct pv_host_root {
    uint32_t size, abi_minor;
    const char *version, *build_id;
    /* [any] leaf. A service's table by id ("host.loop/1"), or NULL if unknown or shorter than
     * `min_size`. The table stays valid and unchanged for ever. */
    const void *(*get_service)(pv_host *host, const char *id, uint32_t min_size) PV_NOEXCEPT;
} pv_host_root;

/* Who may be inside an instance at once. The host serialises accordingly. */
enum {
    PV_CONCURRENCY_SERIAL_ALL = 1, /* one op at a time */
    /* One op per object at a time; children (volume, snapshot, port) with their parent; all ops without a
     * target one after another. */
    PV_CONCURRENCY_SERIAL_PER_OBJECT = 2,
    PV_CONCURRENCY_PARALLEL = 3 /* the plugin locks for itself */
};
/* In both serial models an op that returned PV_PENDING counts as out, and pv.dom.job and a domain's destroy are
 * delivered at any time: what watches or ends something long must not wait for it. */
/* How long an instance lives: from the daemon's start to its end; while clients of its URI are there; while its one
 * client is there; from its first client to the daemon's end. */
enum { PV_LIFETIME_STATIC = 1, PV_LIFETIME_PER_URI = 2, PV_LIFETIME_PER_CONNECTION = 3, PV_LIFETIME_KEPT = 4 };
enum { PV_START_COLD = 1, PV_START_CRASH_RECOVER = 2, PV_START_HANDOVER = 3 };
enum { PV_STOP_SHUTDOWN = 1, PV_STOP_SESSION_END = 2, PV_STOP_RETIRE = 3 };

enum { PV_PROBE_MAX = 8192 };
/* Answer of probe(). The host passes it zeroed with its own size. */
typedef struct pv_probe {
    uint32_t size;
    int32_t score;         /* 0: not mine; the highest wins; 100: exactly my scheme */
    uint32_t lifetime;     /* PV_LIFETIME_* */
    uint32_t _r;
    char canonical[256];   /* the URI that clients are told, e.g. "qemu:///system" */
    char instance[64];     /* instances with one key are one instance, e.g. "system" */
    /* [any] leaf. The same two where they are longer: copied, and used instead of the two fields. PV_ABI: NULL, or
     * PV_PROBE_MAX bytes and more. Since 0.2. */
    pv_status (*answer)(struct pv_probe *probe, const char *canonical, const char *instance) PV_NOEXCEPT;
} pv_probe;

typedef struct pv_plugin {
    uint32_t size, abi_minor, flags, concurrency;
    const char *id, *version, *build_id;
    /* [any] leaf. Would this plugin serve `uri` ("" = client gave none)? `privileged`: the daemon is
     * root's. Both pointers are borrowed. Negative: as a score of 0. */
    pv_status (*probe)(const char *uri, int32_t privileged, pv_probe *out) PV_NOEXCEPT;
    /* [load] Makes an instance, which is the plugin's until destroy(). `instance` is probe()'s key, borrowed; `host` and
     * `root` stay valid until destroy() has returned. On failure (negative) nothing is left behind. */
    pv_status (*create)(pv_host *host, const pv_host_root *root, const char *instance,
                        pv_inst **out) PV_NOEXCEPT;
    /* [load] The table of an op interface by id ("pv.dom.lifecycle/1"), NULL if not implemented. Valid
     * until destroy(). */
    const void *(*get_interface)(pv_inst *inst, const char *id) PV_NOEXCEPT;
    /* [init] Loops run already, clients are not served yet. `how`: PV_START_*. May return PV_PENDING. If it fails,
     * destroy() follows without stop(). */
    pv_status (*start)(pv_inst *inst, pv_call *call, uint32_t how) PV_NOEXCEPT;
    /* [init] Configuration changed. Negative: the old one goes on, the error in `call` is logged. */
    pv_status (*reconfigure)(pv_inst *inst, pv_call *call) PV_NOEXCEPT;
    /* [init] No op runs and none will. `why`: PV_STOP_*; guests go on unless it is SESSION_END. Afterwards the
     * host itself removes the watches, forgets the processes and retires the objects that are left. */
    void (*stop)(pv_inst *inst, uint32_t why) PV_NOEXCEPT;
    /* [init] After stop() and after the last callback's release. Loops, watches, processes and sinks may still be
     * given back in here. */
    void (*destroy)(pv_inst *inst) PV_NOEXCEPT;
    /* [init] After a good start(): the PV_CONCURRENCY_* of this instance, for one that turns out to be less parallel
     * than `concurrency` says (an old hypervisor, a library in debug mode). More parallel counts as `concurrency`. May
     * be NULL. Cannot fail. Since 0.2. */
    uint32_t (*instance_concurrency)(pv_inst *inst) PV_NOEXCEPT;
} pv_plugin;

/* [load] The only exported symbol. The table stays valid and constant for ever. NULL: the plugin refuses to be loaded;
 * `err`, which is borrowed, says why in at most `errlen` bytes. */
typedef const pv_plugin *(*pv_plugin_entry_fn)(const pv_host_root *hello, char *err,
                                               uint32_t errlen) PV_NOEXCEPT;
PV_EXPORT const pv_plugin *pv_plugin_entry_v1(const pv_host_root *hello, char *err,
                                              uint32_t errlen) PV_NOEXCEPT;

/*
 * The manifest: YAML text in an ELF note (section .note.polyvirt, name "polyvirt", type 1), so that it
 * survives strip and --gc-sections and can be read without loading. Keys:
 *   id: unique name; abi: [major, minor] needed at least; provides: op tables; needs: host services, each
 *   "id" or "id>=size"; uri: schemes; kinds: object kinds it has itself ("domain", "network", "network_port",
 *   "interface", "pool", "volume", "nodedev", "nwfilter", "nwfilter_binding", "secret", "snapshot", "checkpoint");
 *   serves: those of them that connections of other drivers get from it too (one plugin per kind); uses: kinds of
 *   other drivers that it calls (host.driver/1), which therefore start first; type: what clients are told of the driver ("QEMU");
 *   error_domain: the wire's number of its errors (10 for qemu).
 * Use: PV_MANIFEST("id: org.example.vmm\nabi: [0, 1]\nuri: [vmm]\n")
 */
/* GCC writes the section's name unchecked and would call it PROGBITS; clang derives NOTE from the name. */
#ifdef __clang__
#define PV_NOTE_SECTION ".note.polyvirt"
#else
#define PV_NOTE_SECTION ".note.polyvirt,\"a\",%note#"
#endif
#define PV_MANIFEST(text)                                                                          \
    __attribute__((section(PV_NOTE_SECTION), used, aligned(4))) static const struct {  \
        uint32_t namesz, descsz, type;                                                             \
        char name[12];                                                                             \
        char desc[(sizeof(text) + 3) / 4 * 4];                                                     \
    } pv_manifest_note = {9, sizeof(text), 1, "polyvirt", text}

#endif
