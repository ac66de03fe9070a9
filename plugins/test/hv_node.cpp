// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.hv.node: the imaginary host's figures, instead of the real one's.

#include <algorithm>

#include <polyvirt/abi/gen/constants.h>

#include "node_figures.h"
#include "op.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

// What the peer's node shows, whatever its document says: three of eight processors are online.
constexpr std::uint8_t kCpuMap = 0x15;
constexpr std::int32_t kMapped = 8;
constexpr std::uint64_t kCellFree[] = {std::uint64_t{2048} << 10, std::uint64_t{4096} << 10};
constexpr std::pair<std::uint32_t, std::uint64_t> kFreePages[] = {{4, 19}, {8, 45}, {2048, 97}, {1'048'576, 201}};
constexpr std::pair<const char*, std::uint64_t> kCpuStats[] = {
    {PV_NODE_CPU_STATS_USER, 9'797'400'000}, {PV_NODE_CPU_STATS_KERNEL, 34'678'723'400'000}, {PV_NODE_CPU_STATS_IDLE, 87'264'900'000},
    {PV_NODE_CPU_STATS_IOWAIT, 763'600'000}};

class HostNode : public Ops {
  public:
    using Ops::Ops;

    pv_status info(pv_call*, const pv_obj*, const pv_node_info_in&, pv_node_info_out& out) {
        const NodeFigures& n = driver_.node();
        out.memory = *n.memory;
        out.cpus = static_cast<std::int32_t>(*n.active);
        out.mhz = static_cast<std::int32_t>(*n.mhz);
        out.nodes = static_cast<std::int32_t>(*n.nodes);
        out.sockets = static_cast<std::int32_t>(*n.sockets);
        out.cores = static_cast<std::int32_t>(*n.cores);
        out.threads = static_cast<std::int32_t>(*n.threads);
        return put(out.model, n.model);
    }
    pv_status free_memory(pv_call*, const pv_obj*, const pv_node_free_memory_in&, pv_node_free_memory_out& out) {
        for (const std::uint64_t free : kCellFree) out.bytes += free;
        return PV_OK;
    }
    pv_status cells_free_memory(pv_call* call, const pv_obj*, const pv_node_cells_free_memory_in& in, pv_node_cells_free_memory_out& out) {
        if (in.start_cell < 0 || in.start_cell >= static_cast<std::int32_t>(std::size(kCellFree)))
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "Range exceeds available cells"));
        for (std::size_t i = static_cast<std::size_t>(in.start_cell); i < std::size(kCellFree); ++i) {
            pv_node_cell_memory record{};
            record.size = sizeof record;
            record.free = kCellFree[i];
            s_.build->add_record(out.cells, &record);
        }
        return PV_OK;
    }
    pv_status cpu_stats(pv_call* call, const pv_obj*, const pv_node_cpu_stats_in& in, pv_node_cpu_stats_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testNodeGetCPUStats"); !flags) return answer(call, flags);
        for (const auto& [field, value] : kCpuStats) {
            pv_node_cpu_stat record{};
            record.size = sizeof record;
            record.field = field;
            record.value = value;
            s_.build->add_record(out.stats, &record);
        }
        return PV_OK;
    }
    pv_status cpu_map(pv_call* call, const pv_obj*, const pv_node_cpu_map_in& in, pv_node_cpu_map_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testNodeGetCPUMap"); !flags) return answer(call, flags);
        s_.build->write(out.map, &kCpuMap, sizeof kCpuMap);
        out.online = 3;
        out.cpus = kMapped;
        return PV_OK;
    }
    pv_status free_pages(pv_call* call, const pv_obj*, const pv_node_free_pages_in& in, pv_node_free_pages_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testNodeGetFreePages"); !flags) return answer(call, flags);
        constexpr auto kCells = static_cast<std::uint32_t>(std::size(kCellFree));
        if (in.start_cell < 0 || static_cast<std::uint32_t>(in.start_cell) >= kCells || in.cell_count > kCells - static_cast<std::uint32_t>(in.start_cell))
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "Range exceeds available cells"));
        for (std::uint32_t cell = 0; cell < in.cell_count; ++cell)
            for (std::uint32_t i = 0; i < in.npages; ++i) {
                const auto found = std::find_if(std::begin(kFreePages), std::end(kFreePages), [&](const auto& p) { return p.first == in.pages[i]; });
                if (found == std::end(kFreePages))
                    return fail(call, make_error(ErrorCode::operation_failed, ErrorDomain::test, "page size {} is not available on node {}", in.pages[i],
                                                 static_cast<std::uint32_t>(in.start_cell) + cell));
                pv_node_page_count record{};
                record.size = sizeof record;
                record.count = found->second;
                s_.build->add_record(out.counts, &record);
            }
        return PV_OK;
    }
};

} // namespace

const void* hv_node_table() {
    static const auto table = make_table<pv_hv_node>([](auto& t) {
        t.info = op<"node.info", &HostNode::info>;
        t.free_memory = op<"node.free_memory", &HostNode::free_memory>;
        t.cells_free_memory = op<"node.cells_free_memory", &HostNode::cells_free_memory>;
        t.cpu_stats = op<"node.cpu_stats", &HostNode::cpu_stats>;
        t.cpu_map = op<"node.cpu_map", &HostNode::cpu_map>;
        t.free_pages = op<"node.free_pages", &HostNode::free_pages>;
    });
    return &table;
}

} // namespace polyvirt::test
