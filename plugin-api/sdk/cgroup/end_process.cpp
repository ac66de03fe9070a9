// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/cgroup/end_process.h"

#include <csignal>
#include <fstream>
#include <sstream>
#include <string>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/unique_fd.h"

namespace polyvirt::sdk {
namespace {

constexpr int kPatience = 5000; // ms; the kernel may wait for I/O in flight

bool signal_and_wait(const UniqueFd& process, int signal, int patience_ms) {
    if (::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) != 0) return true; // it has gone
    pollfd ended{process.get(), POLLIN, 0};
    return ::poll(&ended, 1, patience_ms) != 0;
}

} // namespace

void end_process(std::int64_t pid, int patience_ms) {
    const UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!fd || (patience_ms > 0 && signal_and_wait(fd, SIGTERM, patience_ms))) return;
    if (!signal_and_wait(fd, SIGKILL, kPatience))
        log::warning("run", "process {} is still there {} s after SIGKILL", pid, kPatience / 1000);
}

std::uint64_t process_start_time(std::int64_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(file, line);
    // The name, in parentheses, may hold anything.
    const std::size_t name_end = line.rfind(')');
    if (name_end == std::string::npos) return 0;
    std::istringstream rest(line.substr(name_end + 1));
    std::string word;
    constexpr int kField = 20; // counted from the one behind the name
    for (int i = 0; i < kField; ++i)
        if (!(rest >> word)) return 0;
    return std::strtoull(word.c_str(), nullptr, 10);
}

} // namespace polyvirt::sdk
