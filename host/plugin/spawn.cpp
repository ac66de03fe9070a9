// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/spawn.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error_text.h"

// The child runs in our memory: instrumentation would take it for the thread that waits.
#if defined(__clang__)
#define PV_BARE __attribute__((disable_sanitizer_instrumentation, no_sanitize("address", "undefined")))
#else
#define PV_BARE __attribute__((no_sanitize_address, no_sanitize_thread, no_sanitize_undefined))
#endif

namespace polyvirt::plugin {
namespace {

constexpr std::size_t kStack = std::size_t{64} << 10;

// Everything that the child needs, made ready beforehand: between clone and exec it may only make system
// calls. Plain data on purpose.
struct ChildPlan {
    char* const* argv;
    char* const* env;
    const char* cwd;
    const int* from;   // descriptors, sorted by their numbers in the child, all of them above `top`
    const int* to;
    int count;
    std::uint32_t uid, gid;
    const gid_t* groups;
    std::size_t group_count;
    const int* joins;
    std::size_t join_count;
    const SpawnPlan::Limit* limits;
    std::size_t limit_count;
    bool no_caps;
    // Out.
    const char* step;
    int error;
};

// The kernel's calls, not libc's: libc's setuid would stop the daemon's other threads to change them too, and
// what a sanitizer puts around the others would write down the child's deeds as its parent's.
PV_BARE bool set_ids(ChildPlan& p) {
    if (p.gid != UINT32_MAX || p.uid != UINT32_MAX) {
        p.step = "set the groups of";
        if (::syscall(SYS_geteuid) == 0 && ::syscall(SYS_setgroups, p.group_count, p.groups) != 0) return false;
    }
    if (p.gid != UINT32_MAX) {
        p.step = "set the group of";
        if (::syscall(SYS_setresgid, p.gid, p.gid, p.gid) != 0) return false;
    }
    if (p.uid != UINT32_MAX) {
        p.step = "set the user of";
        if (::syscall(SYS_setresuid, p.uid, p.uid, p.uid) != 0) return false;
    }
    return true;
}

// With descriptors placed: moving takes the kernel its time, in which nothing of the daemon's is kept open.
PV_BARE bool join_groups(ChildPlan& p) {
    if (p.join_count == 0) return true;
    p.step = "move into a control group";
    for (std::size_t i = 0; i < p.join_count; ++i)
        if (::syscall(SYS_write, p.joins[i], "0", 1) != 1) return false;
    return ::syscall(SYS_close_range, static_cast<unsigned>(p.joins[0]), ~0U, 0) == 0;
}

PV_BARE bool set_limits(ChildPlan& p) {
    p.step = "set a resource limit of";
    for (std::size_t i = 0; i < p.limit_count; ++i) {
        const std::uint64_t limit[2] = {p.limits[i].soft, p.limits[i].hard};
        if (::syscall(SYS_prlimit64, 0, p.limits[i].resource, limit, nullptr) != 0) return false;
    }
    return true;
}

// What could come back by an exec goes before the user is changed, which takes the right to do that; what is left, after.
PV_BARE void drop_bounds(const ChildPlan& p) {
    if (!p.no_caps) return;
    for (unsigned long cap = 0; cap < 64; ++cap) // the first that the kernel does not know ends it
        if (::syscall(SYS_prctl, PR_CAPBSET_DROP, cap, 0, 0, 0) != 0) break;
    ::syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

PV_BARE bool drop_caps(ChildPlan& p) {
    if (!p.no_caps) return true;
    p.step = "take the capabilities of";
    const __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
    return ::syscall(SYS_capset, &header, none) == 0 && ::syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

PV_BARE bool place_fds(ChildPlan& p) {
    p.step = "place the descriptors of";
    unsigned first = 0;
    for (int i = 0; i < p.count; ++i) {
        if (::syscall(SYS_dup3, p.from[i], p.to[i], 0) < 0) return false;
        const auto at = static_cast<unsigned>(p.to[i]);
        if (at > first && ::syscall(SYS_close_range, first, at - 1, 0) != 0) return false;
        first = at + 1;
    }
    return ::syscall(SYS_close_range, first, ~0U, 0) == 0;
}

PV_BARE void default_signals() {
    constexpr std::size_t kMaskBytes = (NSIG - 1) / 8;
    // All zero is the default action in the kernel's structure of any machine, which is shorter than this.
    const unsigned long zero[16] = {};
    for (int s = 1; s < NSIG; ++s) ::syscall(SYS_rt_sigaction, s, zero, nullptr, kMaskBytes); // not KILL and STOP
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, zero, nullptr, kMaskBytes);
}

PV_BARE bool enter(ChildPlan& p) {
    p.step = "enter the folder for";
    return ::syscall(SYS_chdir, p.cwd) == 0;
}

PV_BARE bool set_user(ChildPlan& p) {
    drop_bounds(p);
    return set_ids(p) && drop_caps(p);
}

PV_BARE int child_main(void* arg) {
    ChildPlan& p = *static_cast<ChildPlan*>(arg);
    ::syscall(SYS_setsid);
    ::syscall(SYS_umask, 077);
    if (enter(p) && place_fds(p) && join_groups(p) && set_limits(p) && set_user(p)) {
        // Last: until here every signal is blocked, so that no handler of the daemon runs in here.
        default_signals();
        p.step = "execute";
        ::syscall(SYS_execve, p.argv[0], p.argv, p.env);
    }
    p.error = errno;
    ::syscall(SYS_exit_group, 127);
    __builtin_unreachable();
}

// libc's own: clang's thread sanitizer wraps clone() as if it were fork().
auto real_clone() {
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
    static void* const libc = ::dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    return reinterpret_cast<decltype(&::clone)>(::dlsym(libc, "clone"));
#endif
#endif
    return &::clone;
}

// A stack with a guard page below it.
class ChildStack {
  public:
    ChildStack()
        : memory_(::mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {
        if (ok()) ::mprotect(memory_, 4096, PROT_NONE);
    }
    ~ChildStack() {
        if (ok()) ::munmap(memory_, kStack);
    }
    ChildStack(const ChildStack&) = delete;
    ChildStack& operator=(const ChildStack&) = delete;
    [[nodiscard]] bool ok() const { return memory_ != MAP_FAILED; }
    [[nodiscard]] void* top() const { return static_cast<char*>(memory_) + kStack; }

  private:
    void* memory_;
};

class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

  private:
    sigset_t before_{};
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
    list.push_back(nullptr);
    return list;
}

// Copies of the sources above every number they go to, so that placing one never overwrites another.
struct FdTable {
    std::vector<UniqueFd> copies;
    std::vector<int> from, to;
    std::vector<int> joins; // the last of `to`
};

Result<FdTable> make_fd_table(const SpawnPlan& plan) {
    FdTable table;
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null) return make_system_error(errno, ErrorDomain::none, "cannot open '/dev/null'");
    std::vector<std::pair<int, int>> all = plan.fds;
    all.emplace_back(plan.stdin_fd >= 0 ? plan.stdin_fd : null.get(), 0);
    all.emplace_back(plan.stdout_fd >= 0 ? plan.stdout_fd : null.get(), 1);
    all.emplace_back(plan.stderr_fd >= 0 ? plan.stderr_fd : null.get(), 2);
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    for (const int join : plan.joins) {
        table.joins.push_back(all.back().second + 1);
        all.emplace_back(join, table.joins.back());
    }
    const int top = all.back().second + 1;
    for (const auto& [ours, number] : all) {
        if (!table.to.empty() && table.to.back() == number)
            return make_error(ErrorCode::invalid_arg, ErrorDomain::none,
                              "cannot start '{}': descriptor {} is given twice", plan.argv[0], number);
        UniqueFd copy(::fcntl(ours, F_DUPFD_CLOEXEC, top));
        if (!copy)
            return make_system_error(errno, ErrorDomain::none,
                                     fmt::format("cannot start '{}': descriptor {}", plan.argv[0], ours));
        table.from.push_back(copy.get());
        table.to.push_back(number);
        table.copies.push_back(std::move(copy));
    }
    return table;
}

} // namespace

Result<Child> spawn(const SpawnPlan& plan) {
    if (plan.argv.empty() || plan.argv[0].empty() || plan.argv[0][0] != '/')
        return make_error(ErrorCode::invalid_arg, ErrorDomain::none,
                          "cannot start '{}': the absolute path of a program is expected",
                          plan.argv.empty() ? "" : plan.argv[0]);
    PV_ASSIGN_OR_RETURN(const FdTable fds, make_fd_table(plan));
    const std::vector<char*> argv = pointers(plan.argv);
    const std::vector<char*> env = pointers(plan.env);
    const ChildStack stack;
    if (!stack.ok()) return make_system_error(errno, ErrorDomain::none, "cannot start '" + plan.argv[0] + "'");
    std::vector<gid_t> groups(plan.groups.begin(), plan.groups.end());
    if (plan.gid != UINT32_MAX) groups.insert(groups.begin(), plan.gid);
    ChildPlan child{argv.data(), env.data(), plan.cwd.c_str(), fds.from.data(), fds.to.data(),
                    static_cast<int>(fds.to.size()), plan.uid, plan.gid, groups.data(), groups.size(), fds.joins.data(),
                    fds.joins.size(), plan.limits.data(), plan.limits.size(), plan.no_caps, "start", 0};
    const auto clone_child = real_clone();
    int pidfd = -1;
    pid_t pid = -1;
    int error = 0;
    {
        const SignalsBlocked blocked;
        pid = clone_child(child_main, stack.top(), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &child, &pidfd);
        error = errno;
    }
    if (pid < 0) return make_system_error(error, ErrorDomain::none, "cannot start '" + plan.argv[0] + "'");
    Child result{pid, UniqueFd(pidfd), 0};
    if (child.error != 0) {
        static_cast<void>(reap(pidfd));
        return make_system_error(child.error, ErrorDomain::none,
                                 fmt::format("cannot {} '{}'", child.step, plan.argv[0]));
    }
    result.start_time = process_start_time(pid); // it cannot be reused: nobody has reaped it
    return result;
}

Result<Child> adopt(pid_t pid, std::uint64_t start_time) {
    Child child{pid, UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))), start_time};
    const int error = errno;
    if (!child.pidfd && error != ESRCH && error != EINVAL)
        return make_system_error(error, ErrorDomain::none, fmt::format("cannot watch process {}", pid));
    // Read after the pidfd is open: from here on the number cannot pass to another unnoticed.
    if (!child.pidfd || process_start_time(pid) != start_time)
        return make_error(ErrorCode::operation_invalid, ErrorDomain::none,
                          "process {} (started at {}) has ended", pid, start_time);
    return child;
}

std::uint64_t process_start_time(pid_t pid) {
    const UniqueFd fd(::open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return 0;
    char buffer[2048];
    const ssize_t n = ::read(fd.get(), buffer, sizeof(buffer));
    if (n <= 0) return 0;
    // The name (field 2) may hold anything but ends with the last parenthesis.
    std::string_view text(buffer, static_cast<std::size_t>(n));
    const std::size_t paren = text.rfind(')');
    if (paren == std::string_view::npos) return 0;
    text.remove_prefix(paren + 1);
    for (int field = 3; field <= 22; ++field) { // each begins after a blank
        const std::size_t blank = text.find(' ');
        if (blank == std::string_view::npos) return 0;
        text.remove_prefix(blank + 1);
    }
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::int32_t reap(int pidfd) {
    siginfo_t info = {};
    int r = 0;
    do {
        r = ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED);
    } while (r != 0 && errno == EINTR);
    if (r != 0) return -1;
    if (info.si_code == CLD_EXITED) return (info.si_status & 0xff) << 8;
    return (info.si_status & 0x7f) | (info.si_code == CLD_DUMPED ? 0x80 : 0);
}

} // namespace polyvirt::plugin
