// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "stats/perf.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error_text.h"
#include "sdk/tune_params.h"
#include "tune/scheduling.h"

namespace polyvirt::qemu {
namespace {

struct Event {
    std::string_view name;
    std::uint32_t type;
    std::uint64_t config;
};
// Those of shared caches and bandwidth (cmt, mbmt, mbml) went from the kernel with 4.14.
constexpr Event kEvents[] = {
    {"cpu_cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
    {"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
    {"cache_references", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES},
    {"cache_misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
    {"branch_instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS},
    {"branch_misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES},
    {"bus_cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BUS_CYCLES},
    {"stalled_cycles_frontend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_FRONTEND},
    {"stalled_cycles_backend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_BACKEND},
    {"ref_cpu_cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_REF_CPU_CYCLES},
    {"cpu_clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK},
    {"task_clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
    {"page_faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
    {"context_switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
    {"cpu_migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS},
    {"page_faults_min", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN},
    {"page_faults_maj", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ},
    {"alignment_faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_ALIGNMENT_FAULTS},
    {"emulation_faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_EMULATION_FAULTS},
};

} // namespace

Status PerfCounters::enable(std::string_view name, std::int64_t pid) {
    const auto* event = std::find_if(std::begin(kEvents), std::end(kEvents), [&](const Event& e) { return e.name == name; });
    if (event == std::end(kEvents))
        return make_error(ErrorCode::argument_unsupported, ErrorDomain::perf, "unable to enable host cpu perf event for {}", name);
    std::vector<UniqueFd> fds;
    for (const std::int64_t tid : threads_of(pid)) {
        perf_event_attr attr{};
        attr.size = sizeof attr;
        attr.type = event->type;
        attr.config = event->config;
        attr.inherit = 1; // threads that it starts later
        UniqueFd fd(static_cast<int>(::syscall(SYS_perf_event_open, &attr, static_cast<pid_t>(tid), -1, -1, PERF_FLAG_FD_CLOEXEC)));
        if (!fd && errno == ESRCH) continue;
        if (!fd) return make_system_error(errno, ErrorDomain::perf, fmt::format("unable to open host cpu perf event for {}", name));
        fds.push_back(std::move(fd));
    }
    const LeafLock lock(mu_);
    counters_.insert_or_assign(std::string(name), std::move(fds));
    return {};
}

void PerfCounters::disable(std::string_view name) {
    const LeafLock lock(mu_);
    if (const auto found = counters_.find(name); found != counters_.end()) counters_.erase(found);
}

std::vector<std::pair<std::string, std::uint64_t>> PerfCounters::read() const {
    std::vector<std::pair<std::string, std::uint64_t>> all;
    const LeafLock lock(mu_);
    if (counters_.empty()) return all;
    for (const std::string_view name : sdk::kPerfEvents) {
        const auto found = counters_.find(name);
        if (found == counters_.end()) continue;
        std::uint64_t sum = 0;
        for (const UniqueFd& fd : found->second) {
            std::uint64_t value = 0;
            if (::read(fd.get(), &value, sizeof value) == sizeof value) sum += value;
        }
        all.emplace_back(name, sum);
    }
    return all;
}

} // namespace polyvirt::qemu
