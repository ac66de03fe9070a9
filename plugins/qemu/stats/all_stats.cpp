// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Figures of many guests at once. Fields in the order of the peer. What the emulators must be asked is asked of all of them
// at the same time; who does not answer soon is told of by the sample before.

#include <algorithm>
#include <atomic>

#include "base/error_text.h"
#include "block/disks.h"
#include "driver.h"
#include "run.h"
#include "sdk/domain/vcpus.h"
#include "sdk/guests/figures.h"
#include "sdk/stats_fields.h"
#include "stats/figures.h"
#include "stats/perf.h"
#include "stats/proc.h"
#include "stats/stats_ops.h"
#include "tune/limits.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
using sdk::ParamWriter;

// What groups are made of: of one guest, and of the call.
struct View {
    GuestPtr guest;
    std::shared_ptr<const Domain> live;
    RunPtr run;
    PackedDomainPtr config;
    Summary summary;
    std::int32_t state = 0, reason = 0;
    std::uint64_t handle = 0;
    std::optional<ProcTimes> process; // of a running one
    bool backing = false, waits = false;
    const sdk::NetTable* net = nullptr;
};

void put_state(const ParamWriter& w, const View& v) {
    w.put(PV_DOMAIN_STATS_STATE_STATE, v.state);
    w.put(PV_DOMAIN_STATS_STATE_REASON, v.reason);
}

void put_cpu(const ParamWriter& w, const View& v) {
    if (!v.run) return;
    const Limits limits = limits_of(*v.run);
    auto times = limits.empty() ? Result<CpuTimes>(Error{}) : limits.cpu_times();
    if (!times && v.process) times = CpuTimes{v.process->user + v.process->system, v.process->user, v.process->system};
    if (times) sdk::put_cpu_total(w, *times);
    w.put(PV_DOMAIN_STATS_CPU_CACHE_MONITOR_COUNT, std::uint32_t{0});
    if (v.live->type == "kvm") return;
    // Polling is KVM's: without it none is done.
    w.put(PV_DOMAIN_STATS_CPU_HALTPOLL_SUCCESS_TIME, std::uint64_t{0});
    w.put(PV_DOMAIN_STATS_CPU_HALTPOLL_FAIL_TIME, std::uint64_t{0});
}

void put_balloon(const ParamWriter& w, const View& v) {
    w.put(PV_DOMAIN_STATS_BALLOON_CURRENT, v.summary.current_memory);
    w.put(PV_DOMAIN_STATS_BALLOON_MAXIMUM, v.summary.memory);
    if (!v.run) return;
    sdk::put_balloon_fields(w, v.run->figures().last()->memory);
    if (v.process) w.put(PV_DOMAIN_STATS_BALLOON_RSS, v.process->resident_kib);
}

void put_vcpus(const ParamWriter& w, const View& v) {
    w.put(PV_DOMAIN_STATS_VCPU_CURRENT, v.summary.vcpus);
    w.put(PV_DOMAIN_STATS_VCPU_MAXIMUM, v.summary.max_vcpus);
    const ThreadsPtr threads = v.run ? v.run->figures().threads() : nullptr;
    if (!threads) return;
    for (const VcpuThread& one : threads->vcpus) {
        const auto times = sched_times(v.run->pid(), one.tid);
        const auto ticks = times ? std::nullopt : thread_times(v.run->pid(), one.tid);
        if (!times && !ticks) continue; // it has gone
        sdk::put_vcpu_fields(w, one.vcpu,
                              {.time = times ? times->ran : ticks->user + ticks->system,
                               .wait = v.waits ? wait_time(v.run->pid(), one.tid) : 0,
                               .delay = times ? times->delayed : 0});
    }
}

void put_interfaces(const ParamWriter& w, const View& v) {
    if (v.live) sdk::put_interfaces(w, v.live->devices.interfaces, *v.net);
}

void put_blocks(const ParamWriter& w, const View& v) {
    if (v.live) return put_block_stats(w, *v.live, v.run->figures().last()->blocks.get(), true, v.backing);
    const auto domain = v.config ? v.config->unpack() : Result<Domain>(Error{});
    if (domain) put_block_stats(w, *domain, nullptr, false, v.backing);
}

void put_perf(const ParamWriter& w, const View& v) {
    if (!v.run) return;
    for (const auto& [name, value] : v.run->figures().perf().read()) w.put("perf." + name, value);
}

void put_iothreads(const ParamWriter& w, const View& v) {
    const ThreadsPtr threads = v.run ? v.run->figures().threads() : nullptr;
    if (!threads) return;
    w.put(PV_DOMAIN_STATS_IOTHREAD_COUNT, static_cast<std::uint32_t>(threads->iothreads.size()));
    for (const IoThreadThread& t : threads->iothreads) {
        const std::string prefix = fmt::format("{}{}", PV_DOMAIN_STATS_IOTHREAD_PREFIX, t.id);
        w.put(prefix + PV_DOMAIN_STATS_IOTHREAD_SUFFIX_POLL_MAX_NS, t.poll_max);
        w.put(prefix + PV_DOMAIN_STATS_IOTHREAD_SUFFIX_POLL_GROW, static_cast<std::uint32_t>(t.poll_grow));
        w.put(prefix + PV_DOMAIN_STATS_IOTHREAD_SUFFIX_POLL_SHRINK, static_cast<std::uint32_t>(t.poll_shrink));
    }
}

void put_dirty_rate(const ParamWriter& w, const View& v) {
    if (!v.run) return;
    DirtyRate rate = v.run->figures().last()->dirty_rate.value_or(DirtyRate{});
    if (rate.mode.empty()) rate.mode = "page-sampling"; // where it was never begun
    w.put(PV_DOMAIN_STATS_DIRTYRATE_CALC_STATUS, rate.status);
    w.put(PV_DOMAIN_STATS_DIRTYRATE_CALC_START_TIME, rate.start_time);
    w.put(PV_DOMAIN_STATS_DIRTYRATE_CALC_PERIOD, rate.period);
    w.put(PV_DOMAIN_STATS_DIRTYRATE_CALC_MODE, std::string_view(rate.mode));
    if (rate.status != 2) return;
    w.put(PV_DOMAIN_STATS_DIRTYRATE_MEGABYTES_PER_SECOND, rate.megabytes_per_second);
    for (const auto& [vcpu, value] : rate.vcpus)
        w.put(fmt::format("{}{}{}", PV_DOMAIN_STATS_DIRTYRATE_VCPU_PREFIX, vcpu, PV_DOMAIN_STATS_DIRTYRATE_VCPU_SUFFIX_MEGABYTES_PER_SECOND), value);
}

void put_nothing(const ParamWriter&, const View&) {} // no such monitor is set up

struct Group {
    std::uint32_t bit;
    void (*put)(const ParamWriter&, const View&);
    bool running_only; // the emulator has it or not: of guests that are off nobody can say
};
constexpr Group kGroups[] = {
    {PV_DOMAIN_STATS_STATE, put_state, false},         {PV_DOMAIN_STATS_CPU_TOTAL, put_cpu, false},
    {PV_DOMAIN_STATS_BALLOON, put_balloon, false},     {PV_DOMAIN_STATS_VCPU, put_vcpus, false},
    {PV_DOMAIN_STATS_INTERFACE, put_interfaces, false}, {PV_DOMAIN_STATS_BLOCK, put_blocks, false},
    {PV_DOMAIN_STATS_PERF, put_perf, false},           {PV_DOMAIN_STATS_IOTHREAD, put_iothreads, true},
    {PV_DOMAIN_STATS_MEMORY, put_nothing, false},      {PV_DOMAIN_STATS_DIRTYRATE, put_dirty_rate, true},
    {PV_DOMAIN_STATS_VM, put_nothing, true},
};

std::optional<View> view_of(const GuestPtr& guest) {
    View v;
    v.guest = guest;
    const ObjectLock lock(guest->mu);
    auto summary = guest->summary();
    if (guest->removed || !summary) return {}; // it went meanwhile
    v.summary = *std::move(summary);
    if (guest->live && guest->run) v.live = guest->live, v.run = guest->run;
    v.config = guest->config;
    v.state = guest->state;
    v.reason = guest->reason;
    v.handle = guest->handle;
    return v;
}

// Running guests and what of each must be asked.
struct Asked {
    RunPtr run;
    std::uint32_t parts;
};
std::vector<Asked> to_ask(const std::vector<GuestPtr>& guests, std::uint32_t groups) {
    std::vector<Asked> list;
    for (const GuestPtr& guest : guests) {
        const ObjectLock lock(guest->mu);
        if (!guest->live || !guest->run) continue;
        std::uint32_t parts = (groups & PV_DOMAIN_STATS_DIRTYRATE) != 0 ? Figures::kDirtyRate : 0;
        const auto& balloon = guest->live->devices.memballoon;
        const bool has = balloon && balloon->model != "none";
        if (has && (groups & PV_DOMAIN_STATS_BALLOON) != 0) parts |= Figures::kMemory;
        if ((groups & PV_DOMAIN_STATS_BLOCK) != 0 && !guest->live->devices.disks.empty()) parts |= Figures::kBlocks;
        parts = guest->run->figures().changing(parts, has && balloon->stats_period.value_or(0) != 0);
        if (parts != 0) list.push_back({guest->run, parts});
    }
    return list;
}

sdk::Async<Status> all_sampled(std::vector<Asked> list) {
    return sdk::Async<Status>([list = std::move(list)](const sdk::Answer<Status>& answer) {
        const auto left = std::make_shared<std::atomic<std::size_t>>(list.size());
        for (const Asked& one : list)
            one.run->figures().want(one.run, one.parts, [left, answer] {
                if (left->fetch_sub(1) == 1) answer({});
            });
    });
}

void put_guest(const plugin::Services& s, View& v, std::uint32_t groups, pv_groups* to) {
    if (v.run) v.process = process_times(v.run->pid());
    const ParamWriter w(s, s.build->begin_group(to, v.handle));
    for (const Group& group : kGroups)
        if ((groups & group.bit) != 0) group.put(w, v);
}

} // namespace

pv_status StatsOps::all_stats(pv_call* call, const pv_obj*, const pv_dom_all_stats_in& in, pv_dom_all_stats_out& out) {
    if (const Status flags = check_flags(in.flags, sdk::kAllStatsFlags, "qemuConnectGetAllDomainStats"); !flags) return answer(call, flags);
    std::vector<GuestPtr> guests = sdk::guests_of(in, driver_.guests());
    std::uint32_t known = 0;
    const bool running = std::any_of(guests.begin(), guests.end(), [](const GuestPtr& g) {
        const ObjectLock lock(g->mu);
        return g->active();
    });
    for (const Group& group : kGroups) known |= group.running_only && !running ? 0 : group.bit;
    if ((in.flags & PV_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS) != 0 && (in.stats & ~known) != 0 && !guests.empty())
        return answer(call, make_error(ErrorCode::argument_unsupported, ErrorDomain::qemu,
                                       "Stats types bits 0x{:x} are not supported by this daemon or QEMU", in.stats & ~known));
    sdk::start(all_stats_of(std::move(guests), in.stats == 0 ? UINT32_MAX : in.stats, in.flags, out.stats),
               [this, call](const Status& done) { s_.call->complete(call, answer(call, done)); });
    return PV_PENDING;
}

StatsOps::Task StatsOps::all_stats_of(std::vector<GuestPtr> guests, std::uint32_t groups, std::uint32_t flags, pv_groups* to) {
    if (auto asked = to_ask(guests, groups); !asked.empty()) {
        PV_CO_TRY(co_await all_sampled(std::move(asked)));
        PV_CO_TRY(co_await sdk::on_worker(s_, 0));
    }
    sdk::NetTable net;
    if ((groups & PV_DOMAIN_STATS_INTERFACE) != 0) net = net_counters();
    const bool waits = (groups & PV_DOMAIN_STATS_VCPU) != 0 && counts_waits();
    for (const GuestPtr& guest : guests) {
        auto view = view_of(guest);
        if (!view) continue;
        view->waits = waits;
        view->backing = (flags & PV_CONNECT_GET_ALL_DOMAINS_STATS_BACKING) != 0;
        view->net = &net;
        put_guest(s_, *view, groups, to);
    }
    co_return Status{};
}

} // namespace polyvirt::qemu
