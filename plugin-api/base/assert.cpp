// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "base/assert.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "base/log.h"

namespace polyvirt {
namespace {
std::atomic<std::uint64_t> g_bugs{0};
}

std::uint64_t bug_count() { return g_bugs.load(); }

namespace detail {

void assert_failed(const char* what, const char* file, int line) {
    fmt::print(stderr, "polyvirt: {}:{}: assertion failed: {}\n", file, line, what);
    (void)std::fflush(stderr);
    std::abort();
}

bool bug(bool condition, const char* what, const char* file, int line) {
    if (!condition) return false;
    if (g_bugs.fetch_add(1) < 1000) log::error("bug", "{}:{}: {}", file, line, what);
    return true;
}

} // namespace detail
} // namespace polyvirt
