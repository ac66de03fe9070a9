// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Starts a program from a process with many threads. The child shares our memory until it has become the
// other program (as with vfork, but on a stack of its own), so nothing is copied, however large the daemon,
// and the reason of a failure comes back without a pipe. Any thread; bounded by one exec.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace polyvirt::plugin {

struct SpawnPlan {
    std::vector<std::string> argv;  // argv[0] is an absolute path
    std::vector<std::string> env;   // "K=V"
    std::string cwd = "/";
    // (ours, number in the child): numbers of at least 3, each once.
    std::vector<std::pair<int, int>> fds;
    int stdin_fd = -1, stdout_fd = -1, stderr_fd = -1; // -1: /dev/null
    std::uint32_t uid = UINT32_MAX, gid = UINT32_MAX; // UINT32_MAX: unchanged
    std::vector<std::uint32_t> groups;                // beside gid
    std::vector<int> joins;                           // cgroup.procs, open
    struct Limit {
        std::uint32_t resource = 0;
        std::uint64_t soft = 0, hard = 0;
    };
    std::vector<Limit> limits;
    bool no_caps = false;
};

struct Child {
    pid_t pid = -1;
    UniqueFd pidfd;
    std::uint64_t start_time = 0; // field 22 of /proc/PID/stat
};

// Errors: system_error that names the program and the step that failed (int1: errno).
[[nodiscard]] Result<Child> spawn(const SpawnPlan& plan);

// A process that an earlier run started. Errors: operation_invalid when it is gone, or the pid is another
// process's now (its start time differs).
[[nodiscard]] Result<Child> adopt(pid_t pid, std::uint64_t start_time);

// Field 22 of /proc/PID/stat; 0: no such process.
[[nodiscard]] std::uint64_t process_start_time(pid_t pid);

// After the pidfd has become readable: takes the status as wait() gives it; -1 if it is not our child.
[[nodiscard]] std::int32_t reap(int pidfd);

} // namespace polyvirt::plugin
