// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What a process has used so far, from /proc: CPU time and context switches of all its threads.

#include <cstdint>

namespace polyvirt::bench {

struct Usage {
    double cpu_seconds = 0;
    std::uint64_t switches = 0; // voluntary and not, threads that have ended left out
    std::uint64_t rss_kib = 0;
    unsigned threads = 0;
};

Usage usage_of(int pid);

} // namespace polyvirt::bench
