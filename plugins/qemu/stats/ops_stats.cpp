// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What can be told of one guest without asking its emulator.

#include <algorithm>

#include "base/error_text.h"
#include "driver.h"
#include "run.h"
#include "sdk/guests/figures.h"
#include "stats/figures.h"
#include "stats/proc.h"
#include "stats/stats_ops.h"
#include "taint.h"
#include "tune/limits.h"
#include "tune/scheduling.h"

namespace polyvirt::qemu {

Result<StatsOps::Running> StatsOps::running(Guest& guest) {
    const ObjectLock lock(guest.mu);
    if (guest.removed) return no_domain(guest);
    if (!guest.live || !guest.run) return make_error(ErrorCode::operation_invalid, ErrorDomain::domain, "domain is not running");
    return Running{guest.live, guest.run};
}

pv_status StatsOps::info(pv_call* call, const pv_obj* obj, const pv_dom_info_in&, pv_dom_info_out& out) {
    const GuestPtr guest = guest_of(obj);
    std::optional<sdk::domain::Summary> summary;
    std::int64_t pid = 0;
    {
        const ObjectLock lock(guest->mu);
        summary = guest->summary();
        out.state = guest->state;
        if (guest->run) pid = guest->run->pid();
    }
    if (!summary) return answer(call, no_domain(*guest));
    out.max_memory = summary->memory;
    out.memory = summary->current_memory;
    out.vcpus = summary->vcpus;
    const auto times = pid > 0 ? process_times(pid) : std::nullopt;
    out.cpu_time = times ? times->user + times->system : 0;
    return PV_OK;
}

pv_status StatsOps::control_info(pv_call* call, const pv_obj* obj, const pv_dom_control_info_in& in, pv_dom_control_info_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainGetControlInfo"); !flags) return answer(call, flags);
    const auto found = running(*guest_of(obj));
    if (!found) return answer(call, found.error());
    out.state = PV_DOMAIN_CONTROL_OK;
    if (const std::int64_t stuck = found->run->figures().stuck_for(); stuck > 0) {
        out.state = PV_DOMAIN_CONTROL_OCCUPIED;
        out.state_time = static_cast<std::uint64_t>(stuck) / 1'000'000;
    }
    return PV_OK;
}

pv_status StatsOps::messages(pv_call* call, const pv_obj* obj, const pv_dom_messages_in& in, pv_dom_messages_out& out) {
    constexpr std::uint32_t kKnown = PV_DOMAIN_MESSAGE_DEPRECATION | PV_DOMAIN_MESSAGE_TAINTING;
    if (const Status flags = check_flags(in.flags, kKnown, "qemuDomainGetMessages"); !flags) return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    std::optional<sdk::domain::Summary> summary;
    std::uint32_t taints = 0;
    {
        const ObjectLock lock(guest->mu);
        summary = guest->summary();
        taints = guest->taints;
    }
    if (!summary) return answer(call, no_domain(*guest));
    if (in.flags == PV_DOMAIN_MESSAGE_DEPRECATION) return PV_OK;
    for (const std::string& text : taint_messages(taints)) s_.build->add_string(out.messages, ("tainted: " + text).c_str());
    for (const std::string& note : summary->notes) s_.build->add_string(out.messages, ("ignored configuration: " + note).c_str());
    return PV_OK;
}

pv_status StatsOps::interface_stats(pv_call* call, const pv_obj* obj, const pv_dom_interface_stats_in& in, pv_dom_interface_stats_out& out) {
    const auto found = running(*guest_of(obj));
    if (!found) return answer(call, found.error());
    const auto at = sdk::find_interface(*found->live, in.device);
    if (!at) return answer(call, at.error());
    return answer(call, sdk::read_interface(found->live->devices.interfaces[*at], out));
}

pv_status StatsOps::cpu_stats(pv_call* call, const pv_obj* obj, const pv_dom_cpu_stats_in& in, pv_dom_cpu_stats_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainGetCPUStats"); !flags) return answer(call, flags);
    const auto found = running(*guest_of(obj));
    if (!found) return answer(call, found.error());
    const Limits limits = limits_of(*found->run);
    out.cpus = host_cpus();
    if (in.start_cpu < 0) {
        const auto times = limits.cpu_times();
        if (!times) return answer(call, times.error());
        out.fields = 3;
        sdk::put_cpu_stats(sdk::ParamWriter(s_, s_.build->begin_group(out.stats, 0)), *times);
        return PV_OK;
    }
    const auto all = limits.cpu_times_by_processor();
    if (!all) return answer(call, all.error());
    const auto vcpus = limits.vcpu_times_by_processor();
    out.fields = 2;
    const auto start = static_cast<std::uint32_t>(in.start_cpu);
    if (start >= out.cpus && in.ncpus != 0)
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::cgroup, "start_cpu {} larger than maximum of {}", start, out.cpus - 1));
    const auto online = online_cpus();
    for (std::uint32_t i = start; i < out.cpus && i - start < in.ncpus; ++i) {
        const sdk::ParamWriter w(s_, s_.build->begin_group(out.stats, 0));
        if (!online.contains(i)) continue;
        w.put(PV_DOMAIN_CPU_STATS_CPUTIME, i < all->size() ? (*all)[i] : std::uint64_t{0});
        w.put(PV_DOMAIN_CPU_STATS_VCPUTIME, vcpus && i < vcpus->size() ? (*vcpus)[i] : std::uint64_t{0});
    }
    return PV_OK;
}

} // namespace polyvirt::qemu
