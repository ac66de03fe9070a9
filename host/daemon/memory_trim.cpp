// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/memory_trim.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include "base/log.h"
#include "base/unique_fd.h"

namespace polyvirt::daemon {
namespace {

constexpr std::size_t kLeast = std::size_t{4} << 20;

// A number of pages; `text` is what follows it.
std::size_t take_pages(std::string_view& text) {
    std::size_t pages = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pages);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty()) text.remove_prefix(1);
    return error == std::errc() ? pages : 0;
}

} // namespace

MemoryUse memory_use() {
    MemoryUse use;
    const struct mallinfo2 allocated = ::mallinfo2();
    use.in_use = allocated.uordblks + allocated.hblkhd;
    const UniqueFd fd(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
    std::array<char, 256> line{};
    const ssize_t n = fd ? ::read(fd.get(), line.data(), line.size()) : -1;
    if (n <= 0) return use;
    std::string_view text(line.data(), static_cast<std::size_t>(n));
    take_pages(text); // address space
    const std::size_t resident = take_pages(text), shared = take_pages(text);
    use.resident = resident > shared ? (resident - shared) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) : 0;
    return use;
}

bool worth_trimming(const MemoryUse& use) {
    return use.in_use != 0 && use.resident > use.in_use + use.in_use / 2 + kLeast;
}

void limit_heaps() {
    const long processors = ::sysconf(_SC_NPROCESSORS_ONLN);
    ::mallopt(M_ARENA_MAX, static_cast<int>(std::clamp(processors / 2, 1L, 16L)));
}

MemoryTrim::MemoryTrim(loop::EventLoop& loop, std::chrono::milliseconds period)
    : timer_(loop.add_timer([] { look(); })) {
    timer_.arm(period, period);
}

void MemoryTrim::look() {
    const MemoryUse before = memory_use();
    if (!worth_trimming(before)) return;
    const auto begin = loop::Clock::now();
    ::malloc_trim(0);
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(loop::Clock::now() - begin).count();
    log::debug("daemon", "of {} KiB in memory, {} KiB in use, {} KiB were given back in {} us", before.resident >> 10,
               before.in_use >> 10, (before.resident - std::min(before.resident, memory_use().resident)) >> 10, us);
}

} // namespace polyvirt::daemon
