/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_ABI_PROC_H
#define POLYVIRT_ABI_PROC_H
/*
 * host.proc/1: child processes. Plugins never fork. A child starts with signals at their defaults, umask
 * 077, stdin from /dev/null unless it is given one, no descriptor but 0-2 and those listed, in a session of its own,
 * so that it outlives the daemon if the plugin wants that (nothing here kills it at exit).
 */
#include <polyvirt/abi/base.h>
#include <polyvirt/abi/loop.h>

#define PV_SVC_PROC "host.proc/1"

enum {
    /* Every set of capabilities is empty, and no program that the child runs gives it any. */
    PV_SPAWN_NO_CAPS = 1
};

/* A resource limit of the child: RLIMIT_* of the system. */
typedef struct pv_limit {
    uint32_t resource, _r;
    uint64_t soft, hard; /* UINT64_MAX: none */
} pv_limit;

typedef struct pv_spawn {
    uint32_t size, flags; /* PV_SPAWN_* */
    const char *const *argv; /* NULL-terminated; argv[0] is an absolute path */
    const char *const *env;  /* NULL-terminated "K=V"; NULL: PATH, LANG=C and HOME alone */
    const char *cwd;         /* NULL: "/" */
    const int32_t *fds;      /* borrowed; the child has fds[i] as number fd_numbers[i] */
    const int32_t *fd_numbers;
    uint32_t nfds;
    int32_t stdout_fd, stderr_fd; /* -1: /dev/null */
    uint32_t uid, gid;            /* UINT32_MAX: unchanged */
    uint32_t _r;
    int64_t max_output;           /* run(): bytes of output kept; 0: 64 KiB */
    /* With uid or gid: the user's further groups. */
    const uint32_t *groups;
    /* Borrowed: cgroup.procs of control groups, open for writing. The child is in them before it is anything else, so that
     * all that it uses counts there. */
    const int32_t *joins;
    const pv_limit *limits;
    uint32_t ngroups, njoins, nlimits, _r2;
    /* Borrowed: the child's standard input. 0 and -1: /dev/null. Since 0.3. */
    int32_t stdin_fd;
    uint32_t _r3;
} pv_spawn;

/* [loop] of the spawn. Once. */
typedef void (*pv_exit_fn)(void *ctx, int32_t wait_status) PV_NOEXCEPT;

typedef struct pv_svc_proc {
    uint32_t size, _r;
    /* [any] leaf (bounded: one posix_spawn). `fn` runs once on `loop` when the child is gone; then, or after
     * forget(), release. On failure the error stands in `call` (if any) and release does not run. */
    pv_status (*spawn)(pv_host *host, pv_call *call, const pv_spawn *spawn, pv_loop *loop, pv_exit_fn fn,
                       void *ctx, pv_release_fn release, pv_proc **proc) PV_NOEXCEPT;
    /* [any] leaf. Watches a process that an earlier run of the daemon started. `start_time`: field 22 of
     * /proc/PID/stat, so that a reused pid is told apart (PV_GONE). wait_status is -1 for it. */
    pv_status (*adopt)(pv_host *host, int64_t pid, uint64_t start_time, pv_loop *loop, pv_exit_fn fn,
                       void *ctx, pv_release_fn release, pv_proc **proc) PV_NOEXCEPT;
    /* [any] leaf. */
    int64_t (*pid)(pv_proc *proc) PV_NOEXCEPT;
    uint64_t (*start_time)(pv_proc *proc) PV_NOEXCEPT;
    /* [any] leaf. Through the pidfd: never hits another process. PV_GONE: it has ended. */
    pv_status (*signal)(pv_proc *proc, int32_t signal) PV_NOEXCEPT;
    /* [any] leaf. Stops watching; the process goes on (and is reaped by the host). The pv_proc is gone; call it after
     * the exit too. No `fn` begins after this. */
    void (*forget)(pv_proc *proc) PV_NOEXCEPT;
    /* [worker|init] re-entrant. Runs a program until it ends itself (not what it leaves in the background), or kills
     * its session at `timeout_ns` (PV_DEADLINE). PV_OK whatever its exit status is. */
    pv_status (*run)(pv_host *host, pv_call *call, const pv_spawn *spawn, int64_t timeout_ns,
                     int32_t *wait_status, pv_sink *out, pv_sink *err) PV_NOEXCEPT;
} pv_svc_proc;

#endif
