// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "figures.h"

#include <polyvirt/abi/gen/dom_stats.h>

#include "sdk/params.h"


namespace polyvirt::test {

using namespace sdk;
using namespace sdk::domain;

std::uint32_t vcpus_of(const Domain& d) { return d.vcpu.current.value_or(d.vcpu.max.value_or(1)); }

std::uint64_t capacity_of(const Inside& inside, const std::string& target) {
    const auto found = inside.capacity.find(target);
    return found == inside.capacity.end() ? kDiskCapacity : found->second;
}

std::vector<MemoryFigure> memory_figures(const Domain& d) {
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
    constexpr std::pair<std::int32_t, const char*> kNames[] = {
        {PV_DOMAIN_MEMORY_STAT_SWAP_IN, PV_DOMAIN_STATS_BALLOON_SWAP_IN},
        {PV_DOMAIN_MEMORY_STAT_SWAP_OUT, PV_DOMAIN_STATS_BALLOON_SWAP_OUT},
        {PV_DOMAIN_MEMORY_STAT_MAJOR_FAULT, PV_DOMAIN_STATS_BALLOON_MAJOR_FAULT},
        {PV_DOMAIN_MEMORY_STAT_MINOR_FAULT, PV_DOMAIN_STATS_BALLOON_MINOR_FAULT},
        {PV_DOMAIN_MEMORY_STAT_UNUSED, PV_DOMAIN_STATS_BALLOON_UNUSED},
        {PV_DOMAIN_MEMORY_STAT_AVAILABLE, PV_DOMAIN_STATS_BALLOON_AVAILABLE},
        {PV_DOMAIN_MEMORY_STAT_USABLE, PV_DOMAIN_STATS_BALLOON_USABLE},
        {PV_DOMAIN_MEMORY_STAT_LAST_UPDATE, PV_DOMAIN_STATS_BALLOON_LAST_UPDATE},
        {PV_DOMAIN_MEMORY_STAT_DISK_CACHES, PV_DOMAIN_STATS_BALLOON_DISK_CACHES},
        {PV_DOMAIN_MEMORY_STAT_HUGETLB_PGALLOC, PV_DOMAIN_STATS_BALLOON_HUGETLB_PGALLOC},
        {PV_DOMAIN_MEMORY_STAT_HUGETLB_PGFAIL, PV_DOMAIN_STATS_BALLOON_HUGETLB_PGFAIL},
        {PV_DOMAIN_MEMORY_STAT_RSS, PV_DOMAIN_STATS_BALLOON_RSS}};
    for (const MemoryFigure& figure : memory_figures(*v.document))
        for (const auto& [tag, name] : kNames)
            if (tag == figure.tag) w.put(name, figure.value);
}

void put_vcpus(const ParamWriter& w, const View& v, std::int64_t now) {
    const std::uint32_t current = vcpus_of(*v.document);
    w.put(PV_DOMAIN_STATS_VCPU_CURRENT, current);
    w.put(PV_DOMAIN_STATS_VCPU_MAXIMUM, v.document->vcpu.max.value_or(1));
    if (!v.active) return;
    for (std::uint32_t i = 0; i < current; ++i) {
        const std::string prefix = fmt::format("{}{}", PV_DOMAIN_STATS_VCPU_PREFIX, i);
        w.put(prefix + PV_DOMAIN_STATS_VCPU_SUFFIX_STATE, std::int32_t{PV_VCPU_RUNNING});
        w.put(prefix + PV_DOMAIN_STATS_VCPU_SUFFIX_TIME, static_cast<std::uint64_t>(now) / current);
        w.put(prefix + PV_DOMAIN_STATS_VCPU_SUFFIX_WAIT, std::uint64_t{0});
        w.put(prefix + PV_DOMAIN_STATS_VCPU_SUFFIX_DELAY, std::uint64_t{0});
    }
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
        const std::string prefix = fmt::format("{}{}", PV_DOMAIN_STATS_BLOCK_PREFIX, i);
        const std::string& target = list[i].target.dev;
        w.put(prefix + PV_DOMAIN_STATS_BLOCK_SUFFIX_NAME, std::string_view(target));
        if (const std::string path = source_of(list[i]); !path.empty()) w.put(prefix + PV_DOMAIN_STATS_BLOCK_SUFFIX_PATH, std::string_view(path));
        if (v.active) {
            w.put(prefix + PV_DOMAIN_STATS_BLOCK_SUFFIX_RD_REQS, static_cast<std::uint64_t>(f.rd_reqs));
            w.put(prefix + PV_DOMAIN_STATS_BLOCK_SUFFIX_RD_BYTES, static_cast<std::uint64_t>(f.rd_bytes));
            w.put(prefix + PV_DOMAIN_STATS_BLOCK_SUFFIX_WR_REQS, static_cast<std::uint64_t>(f.wr_reqs));
            w.put(prefix + PV_DOMAIN_STATS_BLOCK_SUFFIX_WR_BYTES, static_cast<std::uint64_t>(f.wr_bytes));
        }
        w.put(prefix + PV_DOMAIN_STATS_BLOCK_SUFFIX_ALLOCATION, kDiskBytes);
        w.put(prefix + PV_DOMAIN_STATS_BLOCK_SUFFIX_CAPACITY, capacity_of(v.inside, target));
        w.put(prefix + PV_DOMAIN_STATS_BLOCK_SUFFIX_PHYSICAL, kDiskBytes);
        if (const auto threshold = v.inside.thresholds.find(target); threshold != v.inside.thresholds.end())
            w.put(prefix + PV_DOMAIN_STATS_BLOCK_SUFFIX_THRESHOLD, threshold->second);
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
