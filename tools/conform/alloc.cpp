// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/conform/alloc.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <dlfcn.h>
#include <grp.h>
#include <link.h>
#include <netdb.h>
#include <pwd.h>
#include <string>
#include <string_view>

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

struct Range {
    std::uintptr_t begin = 0, end = 0;
};
std::array<Range, 8> g_ranges; // constant once the plugin is loaded
std::size_t g_range_count = 0;
bool g_everyone = false; // constant likewise

int note_module(dl_phdr_info* info, std::size_t, void* path) {
    const std::string_view name(info->dlpi_name != nullptr ? info->dlpi_name : "");
    const bool wanted = name == static_cast<const char*>(path) || name.find("/libstdc++.so") != std::string_view::npos || name.find("/libc++") != std::string_view::npos;
    for (int i = 0; wanted && i < info->dlpi_phnum; ++i) {
        const auto& p = info->dlpi_phdr[i];
        if (p.p_type != PT_LOAD || (p.p_flags & PF_X) == 0 || g_range_count == g_ranges.size()) continue;
        const std::uintptr_t begin = info->dlpi_addr + p.p_vaddr;
        g_ranges[g_range_count++] = {begin, begin + p.p_memsz};
    }
    return 0;
}

#ifndef PV_OTHER_ALLOCATOR
// Leaf code: allocates nothing, locks nothing.
bool must_fail(const void* caller) {
    if (g_left.load(std::memory_order_relaxed) == 0 || !t_state.in_plugin) return false;
    const auto at = reinterpret_cast<std::uintptr_t>(caller);
    bool counts = g_everyone;
    for (std::size_t i = 0; i < g_range_count; ++i) counts |= at >= g_ranges[i].begin && at < g_ranges[i].end;
    if (!counts) return false;
    if (g_left.fetch_sub(1) != 1) return false;
    g_failed = true;
    errno = ENOMEM;
    return true;
}
#endif

} // namespace

void count_allocations_of(const char* path, bool libraries) {
    g_everyone = libraries;
    std::string name(path);
    ::dl_iterate_phdr(&note_module, name.data());
}
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

__attribute__((visibility("default"))) void* malloc(std::size_t n) noexcept { return polyvirt::conform::must_fail(__builtin_return_address(0)) ? nullptr : __libc_malloc(n); }
__attribute__((visibility("default"))) void* calloc(std::size_t n, std::size_t m) noexcept {
    return polyvirt::conform::must_fail(__builtin_return_address(0)) ? nullptr : __libc_calloc(n, m);
}
__attribute__((visibility("default"))) void* realloc(void* p, std::size_t n) noexcept {
    return polyvirt::conform::must_fail(__builtin_return_address(0)) ? nullptr : __libc_realloc(p, n);
}
__attribute__((visibility("default"))) void* aligned_alloc(std::size_t a, std::size_t n) noexcept {
    return polyvirt::conform::must_fail(__builtin_return_address(0)) ? nullptr : __libc_memalign(a, n);
}
}

// The C library's look-ups of names end the process where an allocation of its own fails (nss_database_check_reload_and_get
// of glibc 2.36): nothing that a plugin could answer for, so these always have their memory.
namespace {
template <typename F, typename... Args> int with_memory(const char* name, Args... args) {
    const polyvirt::conform::KitScope scope;
    return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name))(args...);
}
} // namespace
extern "C" {
__attribute__((visibility("default"))) int getpwnam_r(const char* key, struct passwd* entry, char* buffer, std::size_t size, struct passwd** found) {
    return with_memory<decltype(&::getpwnam_r)>("getpwnam_r", key, entry, buffer, size, found);
}
__attribute__((visibility("default"))) int getpwuid_r(uid_t key, struct passwd* entry, char* buffer, std::size_t size, struct passwd** found) {
    return with_memory<decltype(&::getpwuid_r)>("getpwuid_r", key, entry, buffer, size, found);
}
__attribute__((visibility("default"))) int getgrnam_r(const char* key, struct group* entry, char* buffer, std::size_t size, struct group** found) {
    return with_memory<decltype(&::getgrnam_r)>("getgrnam_r", key, entry, buffer, size, found);
}
__attribute__((visibility("default"))) int getgrouplist(const char* user, gid_t group, gid_t* groups, int* count) {
    return with_memory<decltype(&::getgrouplist)>("getgrouplist", user, group, groups, count);
}
__attribute__((visibility("default"))) int getaddrinfo(const char* node, const char* service, const struct addrinfo* hints, struct addrinfo** found) {
    return with_memory<decltype(&::getaddrinfo)>("getaddrinfo", node, service, hints, found);
}
}
#endif
