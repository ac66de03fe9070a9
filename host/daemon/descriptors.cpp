// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/descriptors.h"

#include <cerrno>
#include <system_error>

#include <sys/resource.h>

#include <fmt/core.h>

#include "base/log.h"

namespace polyvirt::daemon {
namespace {

// Loops (four each), listening sockets, log, plugins' files; guests take more, which nobody can tell at start.
constexpr std::uint64_t kOwn = 256;

rlimit read_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = limit.rlim_max = RLIM_INFINITY;
    return limit;
}

} // namespace

void raise_descriptor_limit() {
    rlimit limit = read_limit();
    if (limit.rlim_cur == limit.rlim_max) return;
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log::warning("daemon", "the limit of open files stays at {}: {}", before,
                     std::system_category().message(errno));
}

std::uint64_t descriptor_limit() { return read_limit().rlim_cur; }

std::uint64_t descriptors_needed(const Config& config) {
    std::int64_t clients = 0;
    for (const char* path : {"limits.max_clients", "limits.reserved_clients", "admin_limits.max_clients",
                             "admin_limits.reserved_clients"})
        clients += config.integer(path);
    return static_cast<std::uint64_t>(clients) + kOwn;
}

std::string too_few_descriptors(const Config& config, std::uint64_t limit) {
    const std::uint64_t needed = descriptors_needed(config);
    if (limit >= needed) return {};
    return fmt::format("at most {} files can be open, but {} clients may come and need about {}: raise the limit "
                       "(LimitNOFILE= of the unit, or ulimit -Hn), or lower {}",
                       limit, needed - kOwn, needed, config.where("limits.max_clients"));
}

} // namespace polyvirt::daemon
