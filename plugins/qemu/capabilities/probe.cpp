// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// One emulator, started without a machine and asked over QMP. Blocks its worker, for a bounded time.

#include <cerrno>
#include <csignal>

#include <nlohmann/json.hpp>
#include <sys/socket.h>

#include <polyvirt/loop.h>
#include <polyvirt/process.h>

#include "base/error_text.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "capabilities/emulators.h"
#include "capabilities/interview.h"

namespace polyvirt::qemu {
namespace {

// An emulator that runs for as long as it is asked.
class Probe {
  public:
    explicit Probe(const plugin::Services& s) : s_(s), loop_(s, PV_LOOP_SHARED, "qemu") {}
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;
    ~Probe() {
        if (process_) process_.signal(SIGKILL); // it has no guest and no disk
    }

    // Our end of its monitor.
    Result<UniqueFd> start(const std::string& path, const std::string& accelerators) {
        int pair[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
            return make_system_error(errno, ErrorDomain::qemu, "cannot make a socket pair");
        UniqueFd ours(pair[0]), theirs(pair[1]);
        plugin::Command command({path, "-S", "-no-user-config", "-nodefaults", "-nographic", "-machine", "none,accel=" + accelerators,
                                 "-chardev", "socket,id=monitor,fd=3", "-mon", "chardev=monitor,mode=control"});
        command.pass(theirs.get(), 3);
        if (loop_) process_ = plugin::ChildProcess::spawn(s_, nullptr, command, loop_, [](std::int32_t) {});
        if (!process_)
            return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "Failed to probe QEMU binary '{}': it cannot be started", path);
        return ours;
    }

  private:
    const plugin::Services& s_;
    const plugin::Loop loop_;
    plugin::ChildProcess process_;
};

Status probe_with(const plugin::Services& s, const std::string& accelerators, Emulator& e) {
    Probe probe(s);
    PV_ASSIGN_OR_RETURN(UniqueFd fd, probe.start(e.path, accelerators));
    Questions questions(std::move(fd), e.path);
    PV_TRY(interview(questions, e));
    interview_cpus(questions, e.kvm, e.kvm ? e.kvm_cpus : e.tcg_cpus);
    return {};
}

// The processors that it emulates, where the first probe told of the host's.
Status probe_emulated(const plugin::Services& s, Emulator& e) {
    Probe probe(s);
    PV_ASSIGN_OR_RETURN(UniqueFd fd, probe.start(e.path, "tcg"));
    Questions questions(std::move(fd), e.path);
    PV_TRY(questions.begin());
    interview_cpus(questions, false, e.tcg_cpus);
    return {};
}

} // namespace

Result<Emulator> probe_emulator(const plugin::Services& s, const std::string& path, std::string_view arch, bool try_kvm) {
    Emulator e;
    e.path = path;
    e.arch = arch;
    try {
        PV_TRY(probe_with(s, try_kvm ? "kvm:tcg" : "tcg", e));
        if (e.kvm) PV_TRY(probe_emulated(s, e));
    } catch (const nlohmann::json::exception& x) {
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "Failed to probe QEMU binary '{}': {}", path, x.what());
    }
    log::info("emulators", "{}: version {}, {} machines, {} CPU models{}", path, e.version, e.machines.size(),
              e.tcg_cpus.models.size(), e.kvm ? ", KVM" : "");
    return e;
}

} // namespace polyvirt::qemu
