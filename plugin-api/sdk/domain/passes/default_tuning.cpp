// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What follows from other numbers: I/O threads, NUMA cells and their distances, schedulers.
#include <algorithm>

#include "base/error_text.h"
#include "sdk/domain/passes/defaults.h"

namespace polyvirt::sdk::domain {
namespace {

Error unsupported_tuning(std::string text) {
    return make_error_text(ErrorCode::config_unsupported, ErrorDomain::domain, std::move(text));
}

} // namespace

void number_iothreads(Domain& d) {
    auto& threads = d.iothread_ids;
    const std::size_t wanted = std::max<std::size_t>(d.iothreads.value_or(0), threads.size());
    constexpr std::size_t kMax = 65'535;
    std::uint32_t next = 1;
    while (threads.size() < std::min(wanted, kMax)) {
        while (std::any_of(threads.begin(), threads.end(), [&](const IoThread& t) { return t.id == next; })) next++;
        threads.emplace_back().id = next;
        threads.back().automatic = true;
    }
    if (!threads.empty())
        d.iothreads = static_cast<std::uint32_t>(threads.size());
}

namespace {

// Distances are symmetric where one side says nothing; a cell is 10 from itself and 20 from any other.
void complete_distances(CpuNuma& numa) {
    const bool any = std::any_of(numa.cells.begin(), numa.cells.end(),
                                 [](const NumaCell& c) { return !c.distances.empty(); });
    if (!any)
        return;
    const auto given = [&](const NumaCell& from, std::uint32_t to) -> Number {
        for (const NumaDistance& x : from.distances) {
            if (x.id == to)
                return x.value;
        }
        return {};
    };
    const std::vector<NumaCell> before = numa.cells;
    for (std::size_t i = 0; i < numa.cells.size(); i++) {
        std::vector<NumaDistance> all;
        for (const NumaCell& other : before) {
            const std::uint32_t id = other.id.value_or(0), self = before[i].id.value_or(0);
            Number value = given(before[i], id);
            if (!value)
                value = given(other, self);
            if (!value)
                value = id == self ? 10 : 20;
            all.push_back({id, value});
        }
        numa.cells[i].distances = std::move(all);
    }
}

Status complete_numa(Domain& d) {
    if (!d.cpu || d.cpu->numa.empty())
        return {};
    CpuNuma& numa = d.cpu->numa;
    for (std::size_t i = 0; i < numa.cells.size(); i++) {
        if (!numa.cells[i].id)
            numa.cells[i].id = static_cast<std::uint32_t>(i);
    }
    std::sort(numa.cells.begin(), numa.cells.end(),
              [](const NumaCell& a, const NumaCell& b) { return a.id < b.id; });
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < numa.cells.size(); i++) {
        NumaCell& cell = numa.cells[i];
        if (i > 0 && cell.id == numa.cells[i - 1].id)
            return make_error(ErrorCode::xml_error, ErrorDomain::domain, "Duplicate NUMA cell info for cell id '{}'",
                              *cell.id);
        if (cell.id != i)
            return make_error(ErrorCode::xml_error, ErrorDomain::domain,
                              "Exactly one 'cell' element per guest NUMA cell allowed, non-contiguous ranges or "
                              "ranges not starting from 0 are not allowed");
        if (!cell.memory)
            return make_error(ErrorCode::xml_error, ErrorDomain::domain, "missing element or attribute './@memory'");
        total += *cell.memory;
    }
    complete_distances(numa);
    for (const MemoryDevice& m : d.devices.memories) total += m.target.size.value_or(0);
    d.memory = total;
    return {};
}

// One entry for each number, so that each can be changed alone.
Status split_schedulers(std::vector<Scheduler>& list, xml::CpuSet Scheduler::*set, const char* element, const char* attribute) {
    std::vector<Scheduler> out;
    for (const Scheduler& s : list) {
        for (const auto& [from, to] : (s.*set).ranges) {
            for (std::uint32_t n = from; n <= to; n++) {
                if (std::any_of(out.begin(), out.end(), [&](const Scheduler& x) { return (x.*set).contains(n); }))
                    return make_error(ErrorCode::xml_detail, ErrorDomain::domain,
                                      "'{}' attributes '{}' must not overlap", element, attribute);
                Scheduler one = s;
                (one.*set).ranges = {{n, n}};
                out.push_back(std::move(one));
            }
        }
    }
    // Neighbours that say the same stand together again.
    std::sort(out.begin(), out.end(), [set](const Scheduler& a, const Scheduler& b) {
        return (a.*set).ranges[0].first < (b.*set).ranges[0].first;
    });
    list = std::move(out);
    return {};
}

Status complete_schedulers(Domain& d) {
    if (!d.cputune)
        return {};
    Cputune& c = *d.cputune;
    PV_TRY(split_schedulers(c.vcpuscheds, &Scheduler::vcpus, "vcpusched", "vcpus"));
    PV_TRY(split_schedulers(c.iothreadscheds, &Scheduler::iothreads, "iothreadsched", "iothreads"));
    for (const Scheduler& s : c.iothreadscheds) {
        const std::uint32_t id = s.iothreads.ranges[0].first;
        if (std::none_of(d.iothread_ids.begin(), d.iothread_ids.end(), [id](const IoThread& t) { return t.id == id; }))
            return unsupported_tuning(fmt::format("Cannot find 'iothread' : {}", id));
    }
    return {};
}

} // namespace

// Placing by advice takes both, processors and memory, and no list of nodes with it.
static void default_placement(Domain& d) {
    if (!d.numatune || !d.numatune->memory)
        return;
    NumaMemory& m = *d.numatune->memory;
    if (m.placement.empty() && m.nodeset.empty() && d.vcpu.placement == Placement::auto_)
        m.placement = "auto";
    if (m.placement != "auto")
        return;
    m.nodeset = {};
}

// What is as good as no limit is none.
static void default_limits(Domain& d) {
    constexpr std::uint64_t kUnlimited = 9'007'199'254'740'991; // KiB
    if (!d.memtune)
        return;
    for (xml::Size* limit : {&d.memtune->hard_limit, &d.memtune->soft_limit, &d.memtune->swap_hard_limit}) {
        if (*limit && **limit >= kUnlimited)
            limit->reset();
    }
    if (!d.memtune->hard_limit && !d.memtune->soft_limit && !d.memtune->swap_hard_limit && !d.memtune->min_guarantee)
        d.memtune.reset();
}

Status default_tuning(Domain& d) {
    number_iothreads(d);
    default_placement(d);
    default_limits(d);
    PV_TRY(complete_numa(d));
    return complete_schedulers(d);
}

} // namespace polyvirt::sdk::domain
