// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/conform/alloc.h"

#include <atomic>
#include <cerrno>
#include <cstddef>

#include "tools/conform/host/world.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PV_OTHER_ALLOCATOR 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PV_OTHER_ALLOCATOR 1
#endif
#endif

namespace polyvirt::conform {
namespace {

std::atomic<std::uint64_t> g_left{0};
std::atomic<bool> g_failed{false};

#ifndef PV_OTHER_ALLOCATOR
// Leaf code: allocates nothing, locks nothing.
bool must_fail() {
    if (g_left.load(std::memory_order_relaxed) == 0 || !t_state.in_plugin) return false;
    if (g_left.fetch_sub(1) != 1) return false;
    g_failed = true;
    errno = ENOMEM;
    return true;
}
#endif

} // namespace

void fail_allocation(std::uint64_t nth) {
    g_failed = false;
    g_left = nth;
}
bool allocation_failed() { return g_failed; }
bool can_fail_allocations() {
#ifdef PV_OTHER_ALLOCATOR
    return false;
#else
    return true;
#endif
}

} // namespace polyvirt::conform

#ifndef PV_OTHER_ALLOCATOR
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

__attribute__((visibility("default"))) void* malloc(std::size_t n) noexcept { return polyvirt::conform::must_fail() ? nullptr : __libc_malloc(n); }
__attribute__((visibility("default"))) void* calloc(std::size_t n, std::size_t m) noexcept {
    return polyvirt::conform::must_fail() ? nullptr : __libc_calloc(n, m);
}
__attribute__((visibility("default"))) void* realloc(void* p, std::size_t n) noexcept {
    return polyvirt::conform::must_fail() ? nullptr : __libc_realloc(p, n);
}
__attribute__((visibility("default"))) void* aligned_alloc(std::size_t a, std::size_t n) noexcept {
    return polyvirt::conform::must_fail() ? nullptr : __libc_memalign(a, n);
}
}
#endif
