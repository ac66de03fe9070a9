// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Command and ChildProcess: children through host.proc. A plugin never forks.
//
//     plugin::Command c({"/usr/bin/tool", "--serve"});
//     c.pass(socket.get(), 3);
//     auto process = plugin::ChildProcess::spawn(s, call, c, loop, [weak](std::int32_t status) { ... });
//
// A ChildProcess that is destroyed is no longer watched; the child goes on. Any thread; each object by one thread at a time.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <polyvirt/buffer.h>
#include <polyvirt/loop.h>

#include "base/sync.h"

namespace polyvirt::plugin {

// What to run, and with what. argv[0] is an absolute path.
class Command {
  public:
    explicit Command(std::vector<std::string> argv) : argv_(std::move(argv)) {}
    // Without any: PATH, LANG=C and HOME alone.
    Command& env(std::string name_value) {
        env_.push_back(std::move(name_value));
        return *this;
    }
    Command& cwd(std::string folder) {
        cwd_ = std::move(folder);
        return *this;
    }
    // Borrowed until the spawn; the child has it as `number`.
    Command& pass(int fd, int number) {
        fds_.push_back(fd);
        numbers_.push_back(number);
        return *this;
    }
    // Its standard input, /dev/null without. Borrowed until the spawn. Hosts before ABI 0.3 do not pass it on.
    Command& input(int fd) {
        stdin_ = fd;
        return *this;
    }
    // -1: /dev/null. Borrowed until the spawn.
    Command& output(int out, int err) {
        stdout_ = out;
        stderr_ = err;
        return *this;
    }
    Command& user(std::uint32_t uid, std::uint32_t gid) {
        uid_ = uid;
        gid_ = gid;
        return *this;
    }
    // Beside the user's own group.
    Command& groups(std::vector<std::uint32_t> list) {
        groups_ = std::move(list);
        return *this;
    }
    // A control group's cgroup.procs, open for writing; borrowed until the spawn.
    Command& join(int procs) {
        joins_.push_back(procs);
        return *this;
    }
    Command& limit(std::uint32_t resource, std::uint64_t soft, std::uint64_t hard) {
        limits_.push_back({resource, 0, soft, hard});
        return *this;
    }
    // Whatever the user, without capabilities for good.
    Command& no_capabilities() {
        flags_ |= PV_SPAWN_NO_CAPS;
        return *this;
    }
    // run(): bytes of output kept; 0: the host's default.
    Command& max_output(std::int64_t bytes) {
        max_output_ = bytes;
        return *this;
    }
    [[nodiscard]] const std::vector<std::string>& argv() const { return argv_; }

    // Runs use(const pv_spawn&), valid meanwhile.
    template <typename Use> auto with_abi(Use&& use) const {
        const auto pointers = [](const std::vector<std::string>& texts) {
            std::vector<const char*> list;
            for (const std::string& text : texts) list.push_back(text.c_str());
            list.push_back(nullptr);
            return list;
        };
        const auto argv = pointers(argv_), env = pointers(env_);
        pv_spawn spawn{};
        spawn.size = sizeof spawn;
        spawn.argv = argv.data();
        spawn.env = env_.empty() ? nullptr : env.data();
        spawn.cwd = cwd_.empty() ? nullptr : cwd_.c_str();
        spawn.fds = fds_.data();
        spawn.fd_numbers = numbers_.data();
        spawn.nfds = static_cast<std::uint32_t>(fds_.size());
        spawn.stdin_fd = stdin_;
        spawn.stdout_fd = stdout_;
        spawn.stderr_fd = stderr_;
        spawn.uid = uid_;
        spawn.gid = gid_;
        spawn.max_output = max_output_;
        spawn.flags = flags_;
        spawn.groups = groups_.data();
        spawn.ngroups = static_cast<std::uint32_t>(groups_.size());
        spawn.joins = joins_.data();
        spawn.njoins = static_cast<std::uint32_t>(joins_.size());
        spawn.limits = limits_.data();
        spawn.nlimits = static_cast<std::uint32_t>(limits_.size());
        return use(spawn);
    }

  private:
    std::vector<std::string> argv_, env_;
    std::string cwd_;
    std::vector<std::int32_t> fds_, numbers_;
    int stdin_ = -1, stdout_ = -1, stderr_ = -1;
    std::uint32_t uid_ = UINT32_MAX, gid_ = UINT32_MAX;
    std::int64_t max_output_ = 0;
    std::uint32_t flags_ = 0;
    std::vector<std::uint32_t> groups_;
    std::vector<std::int32_t> joins_;
    std::vector<pv_limit> limits_;
};

namespace detail {
inline void forget_process(const pv_svc_proc* svc, pv_proc* proc) { svc->forget(proc); }
} // namespace detail

class ChildProcess : public Handle<pv_svc_proc, pv_proc, &detail::forget_process> {
  public:
    using ExitFn = std::function<void(std::int32_t wait_status)>;

    ChildProcess() = default;
    // Null afterwards on failure, with the error in `call` (may be null). `on_exit` runs once on `loop`, unless this is
    // destroyed before; what it captured is destroyed there.
    static ChildProcess spawn(const Services& s, pv_call* call, const Command& command, const Loop& loop, ExitFn on_exit) {
        auto ctx = std::make_unique<ExitFn>(std::move(on_exit));
        pv_proc* proc = nullptr;
        const pv_status status = command.with_abi([&](const pv_spawn& spawn) {
            return s.proc->spawn(s.host, call, &spawn, loop.get(), &exited, ctx.get(), &drop, &proc);
        });
        if (status != PV_OK) return {};
        (void)ctx.release();
        return {s.proc, proc};
    }
    // A process that an earlier run of the daemon started; null afterwards if it has gone.
    static ChildProcess adopt(const Services& s, std::int64_t pid, std::uint64_t start_time, const Loop& loop,
                         ExitFn on_exit) {
        auto ctx = std::make_unique<ExitFn>(std::move(on_exit));
        pv_proc* proc = nullptr;
        if (s.proc->adopt(s.host, pid, start_time, loop.get(), &exited, ctx.get(), &drop, &proc) != PV_OK) return {};
        (void)ctx.release();
        return {s.proc, proc};
    }
    [[nodiscard]] std::int64_t pid() const { return svc_->pid(ptr_); }
    // With the pid: tells it from a later process of that number.
    [[nodiscard]] std::uint64_t start_time() const { return svc_->start_time(ptr_); }
    // False: it has ended.
    bool signal(int number) const { return svc_->signal(ptr_, number) == PV_OK; }

  private:
    ChildProcess(const pv_svc_proc* svc, pv_proc* proc) : Handle(svc, proc) {}
    static void exited(void* ctx, std::int32_t status) noexcept {
        guarded("process", [&] { (*static_cast<ExitFn*>(ctx))(status); });
    }
    static void drop(void* ctx) noexcept { delete static_cast<ExitFn*>(ctx); }
};

struct ProgramResult {
    std::int32_t wait_status = 0;
    std::string out, err;
};
// [worker, init] Runs a program to its end. Errors: operation_failed, it could not be started; operation_timeout.
inline Result<ProgramResult> run_program(const Services& s, pv_call* call, const Command& command,
                                         std::int64_t timeout_ns, std::size_t max_output = 65'536) PV_NO_LOCKS_HELD;
inline Result<ProgramResult> run_program(const Services& s, pv_call* call, const Command& command,
                                         std::int64_t timeout_ns, std::size_t max_output) {
    const Buffer out(s, max_output), err(s, max_output);
    ProgramResult result;
    const pv_status status = command.with_abi([&](const pv_spawn& spawn) {
        return s.proc->run(s.host, call, &spawn, timeout_ns, &result.wait_status, out.get(), err.get());
    });
    if (status != PV_OK)
        return Error{.code = status == PV_DEADLINE ? ErrorCode::operation_timeout : ErrorCode::operation_failed,
                     .message = "'" + command.argv().front() +
                                (status == PV_DEADLINE ? "' did not end in time" : "' cannot be run")};
    result.out = out.text();
    result.err = err.text();
    return result;
}

} // namespace polyvirt::plugin
