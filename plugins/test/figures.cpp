// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "figures.h"

#include <polyvirt/abi/gen/dom_stats.h>

#include "sdk/params.h"
#include "sdk/stats_fields.h"

namespace polyvirt::test {

using namespace sdk;
using namespace sdk::domain;

std::uint32_t vcpus_of(const Domain& d) { return d.vcpu.current.value_or(d.vcpu.max.value_or(1)); }

std::uint64_t capacity_of(const Inside& inside, const std::string& target) {
    const auto found = inside.capacity.find(target);
    return found == inside.capacity.end() ? kDiskCapacity : found->second;
}

MemoryFigures memory_figures(const Domain& d) {
    const std::uint64_t actual = d.current_memory.value_or(d.memory.value_or(0));
    return {{PV_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON, actual},
            {PV_DOMAIN_MEMORY_STAT_SWAP_IN, 0},
            {PV_DOMAIN_MEMORY_STAT_SWAP_OUT, 0},
            {PV_DOMAIN_MEMORY_STAT_MAJOR_FAULT, 0},
            {PV_DOMAIN_MEMORY_STAT_MINOR_FAULT, 0},
            {PV_DOMAIN_MEMORY_STAT_UNUSED, actual / 2},
            {PV_DOMAIN_MEMORY_STAT_AVAILABLE, actual},
            {PV_DOMAIN_MEMORY_STAT_USABLE, actual / 2},
            {PV_DOMAIN_MEMORY_STAT_LAST_UPDATE, 627'319'920},
            {PV_DOMAIN_MEMORY_STAT_DISK_CACHES, actual / 8},
            {PV_DOMAIN_MEMORY_STAT_HUGETLB_PGALLOC, 0},
            {PV_DOMAIN_MEMORY_STAT_HUGETLB_PGFAIL, 0},
            {PV_DOMAIN_MEMORY_STAT_RSS, actual / 2}};
}

BlockFigures block_figures(std::int64_t now_ns) {
    const std::int64_t us = now_ns / 1000;
    return {us / 10, us / 20, us / 30, us / 40, us / 2'000'000};
}

InterfaceFigures interface_figures(std::int64_t now_ns) {
    const std::int64_t us = now_ns / 1000;
    return {us / 10, us / 100, us / 1'000'000, us / 2'000'000, us / 20, us / 110, us / 3'000'000, us / 4'000'000};
}

namespace {

// What the groups are made of, copied under the lock.
struct View {
    DocumentPtr document;
    bool active = false;
    std::int32_t state = 0, reason = 0, dirty_seconds = 0;
    Inside inside;
    std::uint64_t handle = 0;
};

using Put = void (*)(const ParamWriter&, const View&, std::int64_t now);

void put_state(const ParamWriter& w, const View& v, std::int64_t) {
    w.put(PV_DOMAIN_STATS_STATE_STATE, v.state);
    w.put(PV_DOMAIN_STATS_STATE_REASON, v.reason);
}

void put_cpu(const ParamWriter& w, const View& v, std::int64_t now) {
    if (!v.active) return;
    const auto time = static_cast<std::uint64_t>(now);
    w.put(PV_DOMAIN_STATS_CPU_TIME, time);
    w.put(PV_DOMAIN_STATS_CPU_USER, time / 8);
    w.put(PV_DOMAIN_STATS_CPU_SYSTEM, time / 7);
}

void put_balloon(const ParamWriter& w, const View& v, std::int64_t) {
    w.put(PV_DOMAIN_STATS_BALLOON_CURRENT, v.document->current_memory.value_or(0));
    w.put(PV_DOMAIN_STATS_BALLOON_MAXIMUM, v.document->memory.value_or(0));
    if (!v.active) return;
    put_balloon_fields(w, memory_figures(*v.document));
}

void put_vcpus(const ParamWriter& w, const View& v, std::int64_t now) {
    const std::uint32_t current = vcpus_of(*v.document);
    w.put(PV_DOMAIN_STATS_VCPU_CURRENT, current);
    w.put(PV_DOMAIN_STATS_VCPU_MAXIMUM, v.document->vcpu.max.value_or(1));
    if (!v.active) return;
    for (std::uint32_t i = 0; i < current; ++i) put_vcpu_fields(w, i, {.time = static_cast<std::uint64_t>(now) / current});
}

void put_interfaces(const ParamWriter& w, const View& v, std::int64_t now) {
    if (!v.active) return;
    const auto& list = v.document->devices.interfaces;
    w.put(PV_DOMAIN_STATS_NET_COUNT, static_cast<std::uint32_t>(list.size()));
    const InterfaceFigures f = interface_figures(now);
    const std::pair<const char*, std::int64_t> figures[] = {
        {PV_DOMAIN_STATS_NET_SUFFIX_RX_BYTES, f.rx_bytes}, {PV_DOMAIN_STATS_NET_SUFFIX_RX_PKTS, f.rx_packets},
        {PV_DOMAIN_STATS_NET_SUFFIX_RX_ERRS, f.rx_errs},   {PV_DOMAIN_STATS_NET_SUFFIX_RX_DROP, f.rx_drop},
        {PV_DOMAIN_STATS_NET_SUFFIX_TX_BYTES, f.tx_bytes}, {PV_DOMAIN_STATS_NET_SUFFIX_TX_PKTS, f.tx_packets},
        {PV_DOMAIN_STATS_NET_SUFFIX_TX_ERRS, f.tx_errs},   {PV_DOMAIN_STATS_NET_SUFFIX_TX_DROP, f.tx_drop}};
    for (std::size_t i = 0; i < list.size(); ++i) {
        const std::string prefix = fmt::format("{}{}", PV_DOMAIN_STATS_NET_PREFIX, i);
        w.put(prefix + PV_DOMAIN_STATS_NET_SUFFIX_NAME, std::string_view(list[i].target.dev));
        for (const auto& [suffix, value] : figures) w.put(prefix + suffix, static_cast<std::uint64_t>(value));
    }
}

void put_blocks(const ParamWriter& w, const View& v, std::int64_t now) {
    const auto& list = v.document->devices.disks;
    w.put(PV_DOMAIN_STATS_BLOCK_COUNT, static_cast<std::uint32_t>(list.size()));
    const BlockFigures f = block_figures(now);
    for (std::size_t i = 0; i < list.size(); ++i) {
        const std::string& target = list[i].target.dev;
        const std::string path = source_of(list[i]);
        sdk::BlockFields known{.name = target, .path = path};
        if (v.active) {
            known.rd_reqs = static_cast<std::uint64_t>(f.rd_reqs);
            known.rd_bytes = static_cast<std::uint64_t>(f.rd_bytes);
            known.wr_reqs = static_cast<std::uint64_t>(f.wr_reqs);
            known.wr_bytes = static_cast<std::uint64_t>(f.wr_bytes);
        }
        known.allocation = known.physical = kDiskBytes;
        known.capacity = capacity_of(v.inside, target);
        if (const auto threshold = v.inside.thresholds.find(target); threshold != v.inside.thresholds.end()) known.threshold = threshold->second;
        put_block_fields(w, i, known);
    }
}

void put_perf(const ParamWriter& w, const View& v, std::int64_t now) {
    if (!v.active) return;
    for (const PerfEvent& event : v.document->perf.events)
        if (event.enabled == sdk::xml::YesNo::yes) w.put("perf." + event.name, static_cast<std::uint64_t>(now) / 1000);
}

void put_iothreads(const ParamWriter& w, const View& v, std::int64_t) {
    if (!v.active) return;
    const auto& threads = v.document->iothread_ids;
    w.put(PV_DOMAIN_STATS_IOTHREAD_COUNT, static_cast<std::uint32_t>(threads.size()));
    for (const IoThread& t : threads)
        w.put(fmt::format("{}{}{}", PV_DOMAIN_STATS_IOTHREAD_PREFIX, t.id.value_or(0), PV_DOMAIN_STATS_IOTHREAD_SUFFIX_POLL_MAX_NS),
              t.poll.max.value_or(32'768));
}

void put_dirty_rate(const ParamWriter& w, const View& v, std::int64_t) {
    if (!v.active || v.inside.dirty_seconds == 0) return;
    w.put(PV_DOMAIN_STATS_DIRTYRATE_CALC_STATUS, std::int32_t{2}); // measured
    w.put(PV_DOMAIN_STATS_DIRTYRATE_CALC_PERIOD, v.inside.dirty_seconds);
    w.put(PV_DOMAIN_STATS_DIRTYRATE_CALC_MODE, std::string_view("page-sampling"));
    w.put(PV_DOMAIN_STATS_DIRTYRATE_MEGABYTES_PER_SECOND, std::int64_t{4});
}

constexpr std::pair<std::uint32_t, Put> kGroups[] = {
    {PV_DOMAIN_STATS_STATE, put_state},         {PV_DOMAIN_STATS_CPU_TOTAL, put_cpu}, {PV_DOMAIN_STATS_BALLOON, put_balloon},
    {PV_DOMAIN_STATS_VCPU, put_vcpus},          {PV_DOMAIN_STATS_INTERFACE, put_interfaces},
    {PV_DOMAIN_STATS_BLOCK, put_blocks},        {PV_DOMAIN_STATS_PERF, put_perf},
    {PV_DOMAIN_STATS_IOTHREAD, put_iothreads},  {PV_DOMAIN_STATS_DIRTYRATE, put_dirty_rate},
};

} // namespace

void put_stats(Driver& driver, const GuestPtr& guest, std::uint32_t groups, pv_groups* to) {
    View view;
    {
        const ObjectLock lock(guest->mu);
        if (guest->removed || !guest->current()) return; // it went meanwhile
        view.document = guest->current();
        view.active = guest->active();
        view.state = guest->state;
        view.reason = guest->reason;
        view.inside = guest->inside;
        view.handle = guest->handle;
    }
    const plugin::Services& s = driver.services();
    const ParamWriter w(s, s.build->begin_group(to, view.handle));
    const std::int64_t now = s.loop->now_ns(s.host);
    for (const auto& [bit, put] : kGroups)
        if (groups == 0 || (groups & bit) != 0) put(w, view, now);
}

} // namespace polyvirt::test
