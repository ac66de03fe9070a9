/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_PATHS_H
#define POLYVIRT_ABI_PATHS_H
/* host.paths/1: where an instance keeps files that are not host.state records, and where its programs are. */
#include <polyvirt/abi/base.h>

#define PV_SVC_PATHS "host.paths/1"

enum {
    PV_PATH_CONFIG = 1, /* /etc/polyvirt/ID */
    PV_PATH_STATE = 2,  /* /var/lib/polyvirt/ID */
    PV_PATH_RUN = 3,    /* /run/polyvirt/ID */
    PV_PATH_CACHE = 4,  /* /var/cache/polyvirt/ID */
    PV_PATH_LOG = 5,    /* /var/log/polyvirt/ID */
    /* The programs that came with the plugin: the folder ID.programs beside its file if there is one, else the file's own folder.
     * Not made, and not to be written to. Since 0.3. */
    PV_PATH_PROGRAMS = 6
};

typedef struct pv_svc_paths {
    uint32_t size, _r;
    /* [any] leaf. Absolute, without trailing slash; the folder exists (mode 0711; CONFIG and CACHE: 0700; PROGRAMS: as it
     * was installed); valid as long as the instance. NULL: unknown `which`. */
    const char *(*dir)(pv_host *host, uint32_t which) PV_NOEXCEPT;
} pv_svc_paths;

#endif
