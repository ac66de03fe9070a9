// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.proc/1: real processes, as the host makes them.

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <linux/close_range.h>
#include <poll.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "tools/conform/host/services.h"

namespace polyvirt::conform {
namespace {

constexpr std::size_t kMaxFds = 256;

std::uint64_t start_time_of(std::int64_t pid) {
    std::ifstream in(fmt::format("/proc/{}/stat", pid));
    std::string line;
    std::getline(in, line);
    std::istringstream rest(line.substr(std::min(line.size(), line.rfind(')') + 2)));
    std::string word;
    for (int field = 3; field <= 22 && rest >> word; ++field) {
    }
    return std::strtoull(word.c_str(), nullptr, 10);
}

// What the child needs, made before the fork: after it nothing may be allocated.
struct Plan {
    std::vector<const char*> env;
    std::vector<int> high; // the descriptors to pass, out of the way of all targets
    std::vector<int> numbers;
    int in = -1, out = -1, err = -1;
};

[[noreturn]] void become(const pv_spawn& s, const Plan& plan) {
    ::setsid();
    ::umask(077);
    struct sigaction by_default {};
    by_default.sa_handler = SIG_DFL;
    for (int sig = 1; sig < NSIG; ++sig) ::sigaction(sig, &by_default, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(plan.in > 0 ? plan.in : null, 0);
    ::dup2(plan.out >= 0 ? plan.out : null, 1);
    ::dup2(plan.err >= 0 ? plan.err : null, 2);
    int top = 2;
    for (std::size_t i = 0; i < plan.high.size(); ++i) {
        ::dup2(plan.high[i], plan.numbers[i]);
        top = std::max(top, plan.numbers[i]);
    }
    int last = 2;
    for (int n = 3; n <= top; ++n) {
        bool wanted = false;
        for (const int number : plan.numbers) wanted |= number == n;
        if (!wanted) ::close(n);
        last = n;
    }
    ::syscall(SYS_close_range, static_cast<unsigned>(last) + 1, ~0U, 0U);
    if (::chdir(s.cwd != nullptr ? s.cwd : "/") == 0)
        ::execve(s.argv[0], const_cast<char* const*>(s.argv), const_cast<char* const*>(plan.env.data()));
    ::_exit(127);
}

bool makes_sense(const pv_spawn* s, const Service& service) {
    std::string why;
    if (s == nullptr || s->size < offsetof(pv_spawn, max_output)) why = "null, or too short";
    else if (s->argv == nullptr || s->argv[0] == nullptr || s->argv[0][0] != '/') why = "argv[0] is no absolute path";
    else if (s->nfds > kMaxFds || (s->nfds > 0 && (s->fds == nullptr || s->fd_numbers == nullptr))) why = fmt::format("{} descriptors", s->nfds);
    else
        for (std::uint32_t i = 0; i < s->nfds; ++i)
            if (::fcntl(s->fds[i], F_GETFD) < 0 || s->fd_numbers[i] < 3) why = fmt::format("descriptor {} as {}", s->fds[i], s->fd_numbers[i]);
    if (why.empty() && PV_COVERS(s, pv_spawn, stdin_fd) && s->stdin_fd > 0 && ::fcntl(s->stdin_fd, F_GETFD) < 0)
        why = fmt::format("descriptor {} as standard input", s->stdin_fd);
    if (why.empty()) return true;
    complain("services.arguments", "{}: {}", service.name(), why);
    return false;
}

// The child's pid, or -1 with errno.
pid_t start_process(const pv_spawn& s, int out, int err) {
    Plan plan;
    static const std::string home = std::string("HOME=") + (std::getenv("HOME") != nullptr ? std::getenv("HOME") : "/");
    if (s.env == nullptr) plan.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C", home.c_str()};
    else
        for (const char* const* e = s.env; *e != nullptr; ++e) plan.env.push_back(*e);
    plan.env.push_back(nullptr);
    std::vector<UniqueFd> kept;
    for (std::uint32_t i = 0; i < s.nfds; ++i) {
        kept.emplace_back(::fcntl(s.fds[i], F_DUPFD_CLOEXEC, 400));
        plan.high.push_back(kept.back().get());
        plan.numbers.push_back(s.fd_numbers[i]);
    }
    if (s.size >= offsetof(pv_spawn, stdin_fd) + sizeof(s.stdin_fd)) plan.in = s.stdin_fd;
    plan.out = out;
    plan.err = err;
    if (::access(s.argv[0], X_OK) != 0) return -1;
    const pid_t pid = ::fork();
    if (pid == 0) become(s, plan);
    return pid;
}

void ended(pv_proc* p, int status) {
    const LeafLock lock(g_mu);
    p->ended = true;
    --world().living_children;
    ++world().activity;
    g_changed.notify_all();
    if (p->gone || p->fn == nullptr) return;
    give_task(p->loop, {.run =
                            [p, status] {
                                {
                                    const LeafLock inner(g_mu);
                                    if (p->gone) return;
                                }
                                run_callback(p->loop, "the function of a process's exit", [&] { p->fn(p->ctx, status); });
                            },
                        .release = std::exchange(p->release, nullptr), .ctx = p->ctx, .what = "exit"});
}

void wait_for_exit(pv_proc* p) {
    int status = -1;
    if (p->ours) {
        while (::waitpid(static_cast<pid_t>(p->pid), &status, 0) < 0 && errno == EINTR) {
        }
    } else {
        pollfd f{p->pidfd, POLLIN, 0};
        while (::poll(&f, 1, -1) < 0 && errno == EINTR) {
        }
        status = -1;
    }
    ended(p, status);
}

std::set<pv_proc*>& all_procs() {
    static auto* const all = new std::set<pv_proc*>;
    return *all;
}

pv_proc* new_proc(pv_host* host, std::int64_t pid, bool ours, pv_loop* loop, pv_exit_fn fn, void* ctx, pv_release_fn release) PV_REQUIRES(g_mu) {
    pv_proc* p = world().handles.add(std::make_unique<pv_proc>(), "process");
    p->host = host;
    p->pid = pid;
    p->ours = ours;
    p->start_time = start_time_of(pid);
    p->pidfd = static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0U));
    p->loop = loop;
    p->fn = fn;
    p->ctx = ctx;
    p->release = release;
    world().own_fds.insert(p->pidfd);
    ++world().living_children;
    all_procs().insert(p);
    std::thread(wait_for_exit, p).detach();
    return p;
}

pv_status spawn(pv_host* host, pv_call* call, const pv_spawn* s, pv_loop* loop, pv_exit_fn fn, void* ctx, pv_release_fn release, pv_proc** proc) noexcept {
    const Service service("proc.spawn");
    if (!makes_sense(s, service) || fn == nullptr || proc == nullptr) return PV_ABI;
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr || world().handles.valid(loop, service) == nullptr) return PV_ABI;
    const pid_t pid = service.fails() ? -1 : start_process(*s, s->stdout_fd, s->stderr_fd);
    if (pid < 0) {
        host_error(call, 38, fmt::format("cannot start {}", s->argv[0]));
        return PV_FAIL;
    }
    *proc = new_proc(host, pid, true, loop, fn, ctx, release);
    return PV_OK;
}

pv_status adopt(pv_host* host, std::int64_t pid, std::uint64_t start_time, pv_loop* loop, pv_exit_fn fn, void* ctx, pv_release_fn release, pv_proc** proc) noexcept {
    const Service service("proc.adopt");
    if (service.fails()) return PV_GONE;
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr || world().handles.valid(loop, service) == nullptr || fn == nullptr || proc == nullptr) return PV_ABI;
    if (pid <= 0 || start_time_of(pid) != start_time || start_time == 0) return PV_GONE;
    *proc = new_proc(host, pid, false, loop, fn, ctx, release);
    return PV_OK;
}

std::int64_t pid_of(pv_proc* p) noexcept {
    const Service service("proc.pid");
    const LeafLock lock(g_mu);
    return world().handles.valid(p, service) != nullptr ? p->pid : -1;
}
std::uint64_t start_time(pv_proc* p) noexcept {
    const Service service("proc.start_time");
    const LeafLock lock(g_mu);
    return world().handles.valid(p, service) != nullptr ? p->start_time : 0;
}
pv_status signal(pv_proc* p, std::int32_t sig) noexcept {
    const Service service("proc.signal");
    const LeafLock lock(g_mu);
    if (world().handles.valid(p, service) == nullptr) return PV_ABI;
    if (p->ended || ::syscall(SYS_pidfd_send_signal, p->pidfd, sig, nullptr, 0U) != 0) return PV_GONE;
    return PV_OK;
}
void forget(pv_proc* p) noexcept {
    const Service service("proc.forget");
    const LeafLock lock(g_mu);
    if (world().handles.valid(p, service) == nullptr) return;
    p->gone = true;
    if (p->release != nullptr) give_task(p->loop, {.release = std::exchange(p->release, nullptr), .ctx = p->ctx, .what = "release of a process"});
}

// Reads what is there; false: that end is closed.
bool drain(int fd, pv_sink* sink, std::size_t& left) {
    std::array<char, 65536> bytes;
    const ssize_t n = ::read(fd, bytes.data(), bytes.size());
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    if (n == 0) return false;
    const std::size_t take = std::min(left, static_cast<std::size_t>(n));
    left -= take;
    if (sink == nullptr) return true;
    const LeafLock lock(g_mu);
    append(sink, bytes.data(), take);
    return true;
}

struct Pipes {
    UniqueFd out, err;
    bool out_open = true, err_open = true;
    std::size_t left;
    pv_sink *out_sink, *err_sink;
    void read_some(int timeout) {
        std::array<pollfd, 2> p = {pollfd{out_open ? out.get() : -1, POLLIN, 0}, pollfd{err_open ? err.get() : -1, POLLIN, 0}};
        if (::poll(p.data(), p.size(), timeout) <= 0) return;
        if (p[0].revents != 0) out_open = drain(out.get(), out_sink, left);
        if (p[1].revents != 0) err_open = drain(err.get(), err_sink, left);
    }
};

pv_status run(pv_host* host, pv_call* call, const pv_spawn* s, std::int64_t timeout_ns, std::int32_t* wait_status, pv_sink* out, pv_sink* err) noexcept {
    const Service service("proc.run", Mark::reentrant);
    if (!makes_sense(s, service) || host == nullptr) return PV_ABI;
    while_waiting(0);
    int o[2], e[2];
    if (service.fails() || ::pipe2(o, O_CLOEXEC | O_NONBLOCK) != 0 || ::pipe2(e, O_CLOEXEC | O_NONBLOCK) != 0) {
        const LeafLock lock(g_mu);
        host_error(call, 38, "the kit made proc.run fail");
        return PV_FAIL;
    }
    Pipes pipes{UniqueFd(o[0]), UniqueFd(e[0]), true, true, s->max_output > 0 ? static_cast<std::size_t>(s->max_output) : 65536, out, err};
    pid_t pid = -1;
    {
        const UniqueFd oo(o[1]), ee(e[1]);
        const LeafLock lock(g_mu);
        pid = start_process(*s, oo.get(), ee.get());
        if (pid < 0) host_error(call, 38, fmt::format("cannot start {}", s->argv[0]));
        else ++world().living_children;
    }
    if (pid < 0) return PV_FAIL;
    const auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(timeout_ns);
    int status = 0;
    bool late = false;
    while (::waitpid(pid, &status, WNOHANG) == 0) {
        pipes.read_some(10);
        if (!late && std::chrono::steady_clock::now() > until) {
            late = true;
            ::kill(-pid, SIGKILL);
        }
    }
    pipes.read_some(0);
    pipes.read_some(0);
    const LeafLock lock(g_mu);
    --world().living_children;
    ++world().activity;
    if (wait_status != nullptr) *wait_status = status;
    if (late) host_error(call, 38, fmt::format("{} did not end in time", s->argv[0]));
    return late ? PV_DEADLINE : PV_OK;
}

} // namespace

void forget_processes(pv_host* host) {
    for (pv_proc* p : all_procs()) {
        if (p->host != host || p->gone || p->fn == nullptr) continue;
        p->fn = nullptr;
        if (p->release != nullptr) give_task(p->loop, {.release = std::exchange(p->release, nullptr), .ctx = p->ctx, .what = "release of a process"});
    }
}

void end_children() {
    const LeafLock lock(g_mu);
    for (const pv_proc* p : all_procs())
        if (!p->ended) ::syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, nullptr, 0U);
}

const pv_svc_proc kProc = {sizeof(pv_svc_proc), 0, spawn, adopt, pid_of, start_time, signal, forget, run};

} // namespace polyvirt::conform
