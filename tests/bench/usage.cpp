// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tests/bench/usage.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <unistd.h>

namespace polyvirt::bench {

Usage usage_of(int pid) {
    Usage usage;
    const std::string base = "/proc/" + std::to_string(pid);
    // schedstat's first number is nanoseconds on a CPU: finer than the ticks of stat.
    std::error_code error;
    for (const auto& task : std::filesystem::directory_iterator(base + "/task", error)) {
        std::ifstream schedstat(task.path() / "schedstat");
        double ns = 0;
        if (schedstat >> ns) usage.cpu_seconds += ns / 1e9;
        std::ifstream status(task.path() / "status");
        for (std::string line; std::getline(status, line);)
            if (line.find("voluntary_ctxt_switches:") != std::string::npos)
                usage.switches += std::stoull(line.substr(line.find(':') + 1));
        ++usage.threads;
    }
    std::ifstream status(base + "/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmRSS:")) usage.rss_kib = std::stoull(line.substr(6));
    return usage;
}

} // namespace polyvirt::bench
