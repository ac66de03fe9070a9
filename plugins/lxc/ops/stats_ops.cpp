// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "ops/stats_ops.h"

#include <algorithm>
#include <utility>

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/error_text.h"
#include "container/container.h"
#include "container/figures.h"
#include "driver.h"
#include "sdk/guests/figures.h"

namespace polyvirt::lxc {
namespace {

using sdk::Limits;
using sdk::NetTable;
using sdk::ParamWriter;

// What groups are made of: of one guest, and of the call.
struct View {
    std::shared_ptr<const Domain> live;
    ContainerPtr container;
    sdk::domain::Summary summary;
    std::int32_t state = 0, reason = 0;
    std::uint64_t handle = 0;
};

void put_state(const ParamWriter& w, const View& v, const NetTable&) {
    w.put(PV_DOMAIN_STATS_STATE_STATE, v.state);
    w.put(PV_DOMAIN_STATS_STATE_REASON, v.reason);
}

void put_cpu(const ParamWriter& w, const View& v, const NetTable&) {
    if (!v.container) return;
    const auto times = Limits(v.container->group()).cpu_times();
    if (!times) return;
    sdk::put_cpu_total(w, *times);
}

void put_balloon(const ParamWriter& w, const View& v, const NetTable&) {
    const auto used = v.container ? memory_used(v.container->group()) : Result<std::uint64_t>(Error{});
    w.put(PV_DOMAIN_STATS_BALLOON_CURRENT, used ? *used : v.container ? std::uint64_t{0} : v.summary.current_memory);
    w.put(PV_DOMAIN_STATS_BALLOON_MAXIMUM, v.summary.memory);
}

void put_vcpus(const ParamWriter& w, const View& v, const NetTable&) {
    w.put(PV_DOMAIN_STATS_VCPU_CURRENT, v.summary.vcpus);
    w.put(PV_DOMAIN_STATS_VCPU_MAXIMUM, v.summary.max_vcpus);
}

void put_interfaces(const ParamWriter& w, const View& v, const NetTable& net) {
    if (v.live) sdk::put_interfaces(w, v.live->devices.interfaces, net);
}

struct Group {
    std::uint32_t bit;
    void (*put)(const ParamWriter&, const View&, const NetTable&);
};
constexpr Group kGroups[] = {{PV_DOMAIN_STATS_STATE, put_state},
                             {PV_DOMAIN_STATS_CPU_TOTAL, put_cpu},
                             {PV_DOMAIN_STATS_BALLOON, put_balloon},
                             {PV_DOMAIN_STATS_VCPU, put_vcpus},
                             {PV_DOMAIN_STATS_INTERFACE, put_interfaces}};

std::optional<View> view_of(Guest& guest) {
    View v;
    const ObjectLock lock(guest.mu);
    auto summary = guest.summary();
    if (guest.removed || !summary) return {}; // it went meanwhile
    v.summary = *std::move(summary);
    if (guest.live && guest.container) v.live = guest.live, v.container = guest.container;
    v.state = guest.state;
    v.reason = guest.reason;
    v.handle = guest.handle;
    return v;
}

} // namespace

pv_status StatsOps::info(pv_call* call, const pv_obj* obj, const pv_dom_info_in&, pv_dom_info_out& out) {
    const auto v = view_of(*guest_of(obj));
    if (!v) return answer(call, guest_of(obj)->gone());
    out.state = v->state;
    out.max_memory = v->summary.memory;
    out.memory = v->summary.current_memory;
    out.vcpus = v->summary.vcpus;
    if (!v->container) return PV_OK;
    if (const auto times = Limits(v->container->group()).cpu_times()) out.cpu_time = times->total;
    if (const auto used = memory_used(v->container->group())) out.memory = *used;
    return PV_OK;
}

pv_status StatsOps::memory_stats(pv_call* call, const pv_obj* obj, const pv_dom_memory_stats_in& in,
                                 pv_dom_memory_stats_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "lxcDomainMemoryStats"); !flags) return answer(call, flags);
    const auto found = running(*guest_of(obj));
    if (!found) return answer(call, found.error());
    const auto used = memory_used(found->container->group());
    if (!used) return answer(call, used.error());
    const auto add = [&](std::int32_t tag, std::uint64_t value) {
        pv_dom_memory_stat record{};
        record.size = sizeof record;
        record.tag = tag;
        record.value = value;
        s_.build->add_record(out.stats, &record);
    };
    add(PV_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON, found->live->current_memory.value_or(0));
    if (const auto swap = swap_used(found->container->group())) add(PV_DOMAIN_MEMORY_STAT_SWAP_IN, *swap);
    add(PV_DOMAIN_MEMORY_STAT_RSS, *used);
    return PV_OK;
}

pv_status StatsOps::interface_stats(pv_call* call, const pv_obj* obj, const pv_dom_interface_stats_in& in,
                                    pv_dom_interface_stats_out& out) {
    const auto found = running(*guest_of(obj));
    if (!found) return answer(call, found.error());
    const auto at = sdk::find_interface(*found->live, in.device != nullptr ? in.device : "");
    if (!at) return answer(call, at.error());
    return answer(call, sdk::read_interface(found->live->devices.interfaces[*at], out));
}

pv_status StatsOps::block_stats(pv_call* call, const pv_obj* obj, const pv_dom_block_stats_in& in,
                                pv_dom_block_stats_out& out) {
    const auto found = running(*guest_of(obj));
    if (!found) return answer(call, found.error());
    const std::string_view path = in.path != nullptr ? in.path : "";
    std::string device;
    if (!path.empty()) { // all of them otherwise
        const auto& list = found->live->devices.disks;
        const auto at = std::find_if(list.begin(), list.end(), [&](const auto& d) {
            return d.target.dev == path || (d.source && d.source->dev == path);
        });
        struct stat info {};
        if (at == list.end() || !at->source || ::stat(at->source->dev.c_str(), &info) != 0)
            return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::lxc, "invalid path: {}", path));
        device = fmt::format("{}:{}", ::major(info.st_rdev), ::minor(info.st_rdev));
    }
    const auto f = block_figures(found->container->group(), device);
    if (!f) return answer(call, f.error());
    out.rd_req = f->read_requests;
    out.rd_bytes = f->read_bytes;
    out.wr_req = f->write_requests;
    out.wr_bytes = f->write_bytes;
    return PV_OK;
}

pv_status StatsOps::cpu_stats(pv_call* call, const pv_obj* obj, const pv_dom_cpu_stats_in& in,
                              pv_dom_cpu_stats_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "lxcDomainGetCPUStats"); !flags) return answer(call, flags);
    const auto found = running(*guest_of(obj));
    if (!found) return answer(call, found.error());
    const Limits limits(found->container->group());
    const auto cpus = static_cast<std::uint32_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_CONF)));
    out.cpus = cpus;
    if (in.start_cpu < 0) {
        const auto times = limits.cpu_times();
        if (!times) return answer(call, times.error());
        out.fields = 3;
        sdk::put_cpu_stats(ParamWriter(s_, s_.build->begin_group(out.stats, 0)), *times);
        return PV_OK;
    }
    const auto all = limits.cpu_times_by_processor();
    if (!all) return answer(call, all.error());
    out.fields = 1;
    const auto start = static_cast<std::uint32_t>(in.start_cpu);
    if (start >= cpus && in.ncpus != 0)
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::cgroup,
                                       "start_cpu {} larger than maximum of {}", start, cpus - 1));
    for (std::uint32_t i = start; i < cpus && i - start < in.ncpus; ++i) {
        const ParamWriter w(s_, s_.build->begin_group(out.stats, 0));
        w.put(PV_DOMAIN_CPU_STATS_CPUTIME, i < all->size() ? (*all)[i] : std::uint64_t{0});
    }
    return PV_OK;
}

pv_status StatsOps::all_stats(pv_call* call, const pv_obj*, const pv_dom_all_stats_in& in, pv_dom_all_stats_out& out) {
    if (const Status flags = check_flags(in.flags, sdk::kAllStatsFlags, "lxcConnectGetAllDomainStats"); !flags)
        return answer(call, flags);
    std::uint32_t known = 0;
    for (const Group& group : kGroups) known |= group.bit;
    if ((in.flags & PV_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS) != 0 && (in.stats & ~known) != 0)
        return answer(call, make_error(ErrorCode::argument_unsupported, ErrorDomain::lxc,
                                       "Stats types bits 0x{:x} are not supported by this daemon", in.stats & ~known));
    const std::uint32_t wanted = in.stats == 0 ? known : in.stats;
    NetTable net;
    if ((wanted & PV_DOMAIN_STATS_INTERFACE) != 0) net = sdk::net_counters();
    for (const GuestPtr& guest : sdk::guests_of(in, driver_.guests())) {
        const auto view = view_of(*guest);
        if (!view) continue;
        const ParamWriter w(s_, s_.build->begin_group(out.stats, view->handle));
        for (const Group& group : kGroups)
            if ((wanted & group.bit) != 0) group.put(w, *view, net);
    }
    return PV_OK;
}

pv_status StatsOps::messages(pv_call* call, const pv_obj* obj, const pv_dom_messages_in& in, pv_dom_messages_out& out) {
    constexpr std::uint32_t kKnown = PV_DOMAIN_MESSAGE_DEPRECATION | PV_DOMAIN_MESSAGE_TAINTING;
    if (const Status flags = check_flags(in.flags, kKnown, "lxcDomainGetMessages"); !flags) return answer(call, flags);
    const auto v = view_of(*guest_of(obj));
    if (!v) return answer(call, guest_of(obj)->gone());
    if (in.flags == PV_DOMAIN_MESSAGE_DEPRECATION) return PV_OK;
    for (const std::string& note : v->summary.notes)
        s_.build->add_string(out.messages, ("ignored configuration: " + note).c_str());
    return PV_OK;
}

} // namespace polyvirt::lxc
