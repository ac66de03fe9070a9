// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/cgroup/end_process.h"

#include <csignal>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/unique_fd.h"

namespace polyvirt::sdk {
namespace {
constexpr int kPatience = 5000; // ms; the kernel may wait for I/O in flight
}

void end_process(std::int64_t pid) {
    const UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!fd || ::syscall(SYS_pidfd_send_signal, fd.get(), SIGKILL, nullptr, 0) != 0) return; // it has gone
    pollfd ended{fd.get(), POLLIN, 0};
    if (::poll(&ended, 1, kPatience) == 0) log::warning("run", "process {} is still there {} s after SIGKILL", pid, kPatience / 1000);
}

} // namespace polyvirt::sdk
