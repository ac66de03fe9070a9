// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.proc/1
#include <polyvirt/abi/proc.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/plugin/builders.h"
#include "host/plugin/context.h"
#include "host/plugin/service.h"
#include "host/plugin/thread_kind.h"

namespace polyvirt::plugin {
namespace {

constexpr std::uint32_t kMinSpawn = offsetof(pv_spawn, max_output) + sizeof(std::int64_t);
constexpr std::uint32_t kMaxFds = 1024;
constexpr std::size_t kDefaultOutput = std::size_t{64} << 10;
constexpr std::size_t kMaxOutput = std::size_t{64} << 20;

// Whether the plugin knows of what came after the first release.
bool has_additions(const pv_spawn& s) { return s.size >= offsetof(pv_spawn, _r2); }

// 0: who knows nothing of it leaves it so, and the daemon's own is none to hand on.
int stdin_of(const pv_spawn& s) {
    constexpr std::uint32_t kKnows = offsetof(pv_spawn, stdin_fd) + sizeof(s.stdin_fd);
    return s.size >= kKnows && s.stdin_fd != 0 ? s.stdin_fd : -1;
}

bool is_good_addition(const pv_spawn& s) {
    if (stdin_of(s) < -1) return false;
    if (!has_additions(s)) return true;
    if (s.ngroups > kMaxFds || s.njoins > kMaxFds || s.nlimits > kMaxFds) return false;
    return (s.ngroups == 0 || s.groups != nullptr) && (s.njoins == 0 || s.joins != nullptr) &&
           (s.nlimits == 0 || s.limits != nullptr);
}

bool is_good(const pv_spawn* s) {
    if (s == nullptr || s->size < kMinSpawn || s->argv == nullptr || s->argv[0] == nullptr || s->nfds > kMaxFds)
        return false;
    if (s->nfds > 0 && (s->fds == nullptr || s->fd_numbers == nullptr)) return false;
    for (std::uint32_t i = 0; i < s->nfds; ++i)
        if (s->fds[i] < 0 || s->fd_numbers[i] < 3 || s->fd_numbers[i] > 1'000'000) return false;
    return s->max_output >= 0 && (s->flags & ~std::uint32_t{PV_SPAWN_NO_CAPS}) == 0 && is_good_addition(*s);
}

std::vector<std::string> default_env() {
    const char* home = ::getenv("HOME"); // NOLINT(concurrency-mt-unsafe): nothing in the daemon sets variables
    return {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C",
            std::string("HOME=") + (home != nullptr ? home : "/")};
}

SpawnPlan make_plan(const pv_spawn& s) {
    SpawnPlan plan;
    for (const char* const* arg = s.argv; *arg != nullptr; ++arg) plan.argv.emplace_back(*arg);
    if (s.env == nullptr) plan.env = default_env();
    else
        for (const char* const* var = s.env; *var != nullptr; ++var) plan.env.emplace_back(*var);
    if (s.cwd != nullptr) plan.cwd = s.cwd;
    for (std::uint32_t i = 0; i < s.nfds; ++i) plan.fds.emplace_back(s.fds[i], s.fd_numbers[i]);
    plan.stdin_fd = stdin_of(s);
    plan.stdout_fd = s.stdout_fd;
    plan.stderr_fd = s.stderr_fd;
    plan.uid = s.uid;
    plan.gid = s.gid;
    plan.no_caps = (s.flags & PV_SPAWN_NO_CAPS) != 0;
    if (!has_additions(s)) return plan;
    plan.groups.assign(s.groups, s.groups + s.ngroups);
    plan.joins.assign(s.joins, s.joins + s.njoins);
    for (std::uint32_t i = 0; i < s.nlimits; ++i)
        plan.limits.push_back({s.limits[i].resource, s.limits[i].soft, s.limits[i].hard});
    return plan;
}

// Watches `child` for the plugin. A child that cannot be watched is ended: nobody would know of it.
pv_status watch(pv_host* host, pv_call* call, Child child, bool ours, pv_loop* loop, pv_exit_fn fn, void* ctx,
                pv_release_fn release, pv_proc** proc) {
    const pid_t pid = child.pid;
    const auto process = std::make_shared<Process>(std::move(child), ours, host->shared.orphans);
    auto context = std::make_unique<PluginContext>(ctx, release, host->census.take(Census::process));
    if (loop->strand->closed()) context->disown();
    else if (process->watch(loop->strand, fn, std::move(context))) {
        *proc = host->procs.add(std::make_unique<pv_proc>(pv_proc{process, host}));
        return PV_OK;
    }
    if (ours) {
        static_cast<void>(process->signal(SIGKILL));
        process->forget();
    }
    return fail(call, make_error(ErrorCode::internal_error, ErrorDomain::none,
                                 "process {} cannot be watched: its loop has been released", pid));
}

pv_status spawn_child(pv_host* host, pv_call* call, const pv_spawn* s, pv_loop* loop, pv_exit_fn fn, void* ctx,
                      pv_release_fn release, pv_proc** proc) noexcept {
    if (host == nullptr || loop == nullptr || proc == nullptr || !is_good(s)) return misuse(call, "proc.spawn");
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        Result<Child> child = spawn(make_plan(*s));
        if (!child) return fail(call, std::move(child).error());
        return watch(host, call, *std::move(child), true, loop, fn, ctx, release, proc);
    });
}

pv_status adopt_process(pv_host* host, std::int64_t pid, std::uint64_t start_time, pv_loop* loop, pv_exit_fn fn,
                        void* ctx, pv_release_fn release, pv_proc** proc) noexcept {
    if (host == nullptr || loop == nullptr || proc == nullptr || pid <= 0 || pid > INT32_MAX) return PV_ABI;
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        Result<Child> child = adopt(static_cast<pid_t>(pid), start_time);
        if (!child) return child.error().code == ErrorCode::operation_invalid ? PV_GONE : PV_FAIL;
        return watch(host, nullptr, *std::move(child), false, loop, fn, ctx, release, proc);
    });
}

std::int64_t pid(pv_proc* proc) noexcept { return proc != nullptr ? proc->process->pid() : -1; }
std::uint64_t start_time(pv_proc* proc) noexcept { return proc != nullptr ? proc->process->start_time() : 0; }

pv_status signal_process(pv_proc* proc, std::int32_t number) noexcept {
    return proc != nullptr ? proc->process->signal(number) : pv_status{PV_ABI};
}

void forget(pv_proc* proc) noexcept {
    if (proc == nullptr) return;
    guarded(0, [&] {
        const std::unique_ptr<pv_proc> owned = proc->host->procs.take(proc);
        if (!PV_BUG(!owned)) owned->process->forget();
        return 0;
    });
}

pv_status run(pv_host* host, pv_call* call, const pv_spawn* s, std::int64_t timeout_ns, std::int32_t* wait_status,
              pv_sink* out, pv_sink* err) noexcept {
    if (host == nullptr || wait_status == nullptr || !is_good(s)) return misuse(call, "proc.run");
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        if (thread_kind() == PV_THREAD_LOOP)
            return fail(call,
                        make_error(ErrorCode::internal_error, ErrorDomain::none,
                                   "'{}' was to be run to its end on a loop's thread", s->argv[0]),
                        PV_ORDER);
        constexpr std::int64_t kDay = std::int64_t{86'400} * 1'000'000'000;
        const auto until = std::chrono::steady_clock::now() +
                           std::chrono::nanoseconds(std::clamp<std::int64_t>(timeout_ns, 0, kDay));
        const std::size_t keep = s->max_output == 0 ? kDefaultOutput
                                                    : std::min<std::size_t>(static_cast<std::size_t>(s->max_output),
                                                                            kMaxOutput);
        Result<std::int32_t> status = run_program(make_plan(*s), until, keep, out, err, host->shared.orphans);
        if (status) {
            *wait_status = *status;
            return PV_OK;
        }
        const bool late = status.error().code == ErrorCode::operation_timeout;
        return fail(call, std::move(status).error(), late ? PV_DEADLINE : PV_FAIL);
    });
}

constexpr pv_svc_proc kProcTable = {sizeof(pv_svc_proc), 0,      spawn_child, adopt_process, pid, start_time,
                                signal_process,      forget, run};

} // namespace

const Service kProcService{PV_SVC_PROC, &kProcTable};

} // namespace polyvirt::plugin
