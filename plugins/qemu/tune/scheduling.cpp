// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tune/scheduling.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>

#include <dirent.h>
#include <sched.h>
#include <unistd.h>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

using sdk::xml::CpuSet;

// The kernel refuses masks that are shorter than its own, so there is room for all that a set can name.
constexpr std::size_t kMaskCpus = CpuSet::kMax + 1;
struct Mask {
    Mask() : set(CPU_ALLOC(kMaskCpus)) {
        if (set != nullptr) CPU_ZERO_S(bytes(), set);
    }
    ~Mask() { CPU_FREE(set); }
    Mask(const Mask&) = delete;
    Mask& operator=(const Mask&) = delete;
    static std::size_t bytes() { return CPU_ALLOC_SIZE(kMaskCpus); }
    cpu_set_t* const set;
};

void add(CpuSet& set, std::uint32_t cpu) {
    if (!set.ranges.empty() && set.ranges.back().second + 1 == cpu) set.ranges.back().second = cpu;
    else set.ranges.emplace_back(cpu, cpu);
}

} // namespace

std::uint32_t host_cpus() {
    const long n = ::sysconf(_SC_NPROCESSORS_CONF);
    return n > 0 ? static_cast<std::uint32_t>(n) : 1;
}

CpuSet online_cpus() {
    CpuSet set;
    if (std::FILE* const f = std::fopen("/sys/devices/system/cpu/online", "re")) {
        char text[4096];
        const std::size_t n = std::fread(text, 1, sizeof text, f);
        (void)std::fclose(f);
        std::string_view list(text, n);
        while (list.ends_with('\n')) list.remove_suffix(1);
        set = CpuSet::parse(list).value_or(CpuSet{});
    }
    if (set.empty()) set.ranges.emplace_back(0, host_cpus() - 1);
    return set;
}

std::vector<std::int64_t> threads_of(std::int64_t pid) {
    std::vector<std::int64_t> all;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(fmt::format("/proc/{}/task", pid).c_str()), &::closedir);
    if (!folder) return all;
    while (const dirent* const entry = ::readdir(folder.get())) { // NOLINT(concurrency-mt-unsafe): the stream is ours
        const std::string_view name = entry->d_name;
        std::int64_t tid = 0;
        if (std::from_chars(name.data(), name.data() + name.size(), tid).ec == std::errc()) all.push_back(tid);
    }
    return all;
}

Status set_affinity(std::int64_t tid, const CpuSet& wanted) {
    const Mask mask;
    if (mask.set == nullptr) return make_error(ErrorCode::no_memory, ErrorDomain::qemu, "a mask of processors");
    const CpuSet set = wanted.empty() ? online_cpus() : wanted;
    for (const auto& [first, last] : set.ranges)
        for (std::uint32_t cpu = first; cpu <= last; ++cpu) CPU_SET_S(cpu, Mask::bytes(), mask.set);
    if (::sched_setaffinity(static_cast<pid_t>(tid), Mask::bytes(), mask.set) == 0 || errno == ESRCH) return {};
    return make_system_error(errno, ErrorDomain::none, fmt::format("cannot set CPU affinity on process {}", tid));
}

CpuSet affinity_of(std::int64_t tid) {
    CpuSet set;
    const Mask mask;
    if (mask.set == nullptr || ::sched_getaffinity(static_cast<pid_t>(tid), Mask::bytes(), mask.set) != 0) return set;
    const std::uint32_t cpus = host_cpus();
    for (std::uint32_t cpu = 0; cpu < cpus; ++cpu)
        if (CPU_ISSET_S(cpu, Mask::bytes(), mask.set)) add(set, cpu);
    return set;
}

Status set_scheduler(std::int64_t tid, const sdk::domain::Scheduler& scheduler) {
    constexpr std::pair<std::string_view, int> kPolicies[] = {
        {"fifo", SCHED_FIFO}, {"rr", SCHED_RR}, {"batch", SCHED_BATCH}, {"idle", SCHED_IDLE}};
    const auto* found = std::find_if(std::begin(kPolicies), std::end(kPolicies), [&](const auto& p) { return p.first == scheduler.scheduler; });
    if (found == std::end(kPolicies))
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "scheduler '{}' is unknown", scheduler.scheduler);
    sched_param param{};
    const bool real_time = found->second == SCHED_FIFO || found->second == SCHED_RR;
    if (real_time) param.sched_priority = scheduler.priority.value_or(1);
    if (::sched_setscheduler(static_cast<pid_t>(tid), found->second, &param) == 0 || errno == ESRCH) return {};
    return make_system_error(errno, ErrorDomain::none, fmt::format("Cannot set scheduler parameters for pid {}", tid));
}

} // namespace polyvirt::qemu
