// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What the host does where a driver lacks the op: the machine is the same for all of them.

#include <algorithm>
#include <cstddef>
#include <span>
#include <unordered_map>

#include <polyvirt/abi/build.h>
#include <polyvirt/abi/gen/hv_caps.h>
#include <polyvirt/abi/gen/hv_node.h>
#include <polyvirt/abi/gen/ops.h>
#include <sys/utsname.h>

#include "base/error_text.h"
#include "host/dispatch/kind_facts.h"
#include "host/dispatch/node_support.h"
#include "host/plugin/service.h"
#include "host/protocol/gen/constants.h"

namespace polyvirt::dispatch {
namespace {

const pv_svc_build& build() { return *static_cast<const pv_svc_build*>(plugin::kBuildService.table); }

// The builders refuse what the wire cannot carry, which the glue tells the client.
void put(pv_sink* to, std::string_view text) { static_cast<void>(build().write(to, text.data(), text.size())); }

template <typename Stat> void put_stat(pv_records* to, const char* field, std::uint64_t value) {
    Stat stat{};
    stat.size = sizeof stat;
    stat.field = field;
    stat.value = value;
    static_cast<void>(build().add_record(to, &stat));
}

} // namespace

Error bad_argument(std::string message, const char* function, const char* argument) {
    Error error;
    error.code = ErrorCode::invalid_arg;
    error.message = std::move(message);
    error.str1 = function;
    error.str2 = argument;
    error.int1 = 0;
    return error;
}

Status no_flags(std::uint32_t flags, const char* function) {
    if (flags == 0) return {};
    return bad_argument(fmt::format("unsupported flags (0x{:x}) in function {}", flags, function), function, "flags");
}

Result<Cells> cells(const Machine& machine, std::int32_t first, std::uint32_t count, bool whole) {
    const int highest = machine.last_cell();
    if (first == -1 && whole) return Cells{-1, -1};
    if (first < 0 || first > highest)
        return make_error(ErrorCode::internal_error, ErrorDomain::none, "start cell {} out of range (0-{})", first, highest);
    return Cells{first, static_cast<int>(std::min<std::int64_t>(std::int64_t{first} + count - 1, highest))};
}

namespace {

Status info(WireCall& call, const pv_node_info_in&, pv_node_info_out& out) {
    const Machine machine = machine_of(call);
    const Machine::Topology t = machine.topology();
    utsname system{};
    put(out.model, uname(&system) == 0 ? system.machine : "unknown");
    out.memory = machine.memory().total;
    out.cpus = t.cpus;
    out.mhz = t.mhz;
    out.nodes = t.nodes;
    out.sockets = t.sockets;
    out.cores = t.cores;
    out.threads = t.threads;
    return {};
}

Status free_memory(WireCall& call, const pv_node_free_memory_in&, pv_node_free_memory_out& out) {
    out.bytes = machine_of(call).memory().free * 1024;
    return {};
}

Status cells_free_memory(WireCall& call, const pv_node_cells_free_memory_in& in, pv_node_cells_free_memory_out& out) {
    const Machine machine = machine_of(call);
    PV_ASSIGN_OR_RETURN(const Cells range, cells(machine, in.start_cell, protocol::limit_node_max_cells, false));
    for (int cell = range.first; cell <= range.last; ++cell) {
        pv_node_cell_memory memory{};
        memory.size = sizeof memory;
        memory.free = machine.cell_memory(cell).value_or(Machine::Memory{}).free * 1024;
        static_cast<void>(build().add_record(out.cells, &memory));
    }
    return {};
}

Status cpu_stats(WireCall& call, const pv_node_cpu_stats_in& in, pv_node_cpu_stats_out& out) {
    constexpr const char* kFunction = "virHostCPUGetStatsLinux";
    PV_TRY(no_flags(in.flags, "virHostCPUGetStats"));
    const bool sensible = in.cpu >= protocol::VIR_NODE_CPU_STATS_ALL_CPUS;
    const auto times = sensible ? machine_of(call).cpu_times(in.cpu) : std::nullopt;
    if (!times) return bad_argument(fmt::format("Invalid cpuNum in {}", kFunction), kFunction, "cpuNum");
    using Stat = pv_node_cpu_stat;
    put_stat<Stat>(out.stats, protocol::VIR_NODE_CPU_STATS_KERNEL, times->kernel);
    put_stat<Stat>(out.stats, protocol::VIR_NODE_CPU_STATS_USER, times->user);
    put_stat<Stat>(out.stats, protocol::VIR_NODE_CPU_STATS_IDLE, times->idle);
    put_stat<Stat>(out.stats, protocol::VIR_NODE_CPU_STATS_IOWAIT, times->iowait);
    return {};
}

Status memory_stats(WireCall& call, const pv_node_memory_stats_in& in, pv_node_memory_stats_out& out) {
    constexpr const char* kFunction = "virHostMemGetStats";
    PV_TRY(no_flags(in.flags, kFunction));
    const Machine machine = machine_of(call);
    using Stat = pv_node_memory_stat;
    if (in.cell == protocol::VIR_NODE_MEMORY_STATS_ALL_CELLS) {
        put_stat<Stat>(out.stats, protocol::VIR_NODE_MEMORY_STATS_TOTAL, machine.meminfo("MemTotal"));
        put_stat<Stat>(out.stats, protocol::VIR_NODE_MEMORY_STATS_FREE, machine.meminfo("MemFree"));
        put_stat<Stat>(out.stats, protocol::VIR_NODE_MEMORY_STATS_BUFFERS, machine.meminfo("Buffers"));
        put_stat<Stat>(out.stats, protocol::VIR_NODE_MEMORY_STATS_CACHED, machine.meminfo("Cached"));
        return {};
    }
    const auto memory = in.cell >= 0 ? machine.cell_memory(in.cell) : std::nullopt;
    if (!memory)
        return bad_argument(fmt::format("cellNum in {} must be less than or equal to {}", kFunction, machine.last_cell()),
                            kFunction, "cellNum");
    put_stat<Stat>(out.stats, protocol::VIR_NODE_MEMORY_STATS_TOTAL, memory->total);
    put_stat<Stat>(out.stats, protocol::VIR_NODE_MEMORY_STATS_FREE, memory->free);
    return {};
}

// Of the kernel's page sharing; a kernel without it has none.
Status memory_parameters(WireCall& call, const pv_node_memory_parameters_in& in, pv_node_memory_parameters_out& out) {
    PV_TRY(no_flags(in.flags, "virHostMemGetParameters"));
    struct Parameter {
        const char *name, *file;
        std::int32_t type;
    };
    static constexpr Parameter kParameters[] = {
        {protocol::VIR_NODE_MEMORY_SHARED_PAGES_TO_SCAN, "pages_to_scan", PV_PARAM_UINT},
        {protocol::VIR_NODE_MEMORY_SHARED_SLEEP_MILLISECS, "sleep_millisecs", PV_PARAM_UINT},
        {protocol::VIR_NODE_MEMORY_SHARED_PAGES_SHARED, "pages_shared", PV_PARAM_ULLONG},
        {protocol::VIR_NODE_MEMORY_SHARED_PAGES_SHARING, "pages_sharing", PV_PARAM_ULLONG},
        {protocol::VIR_NODE_MEMORY_SHARED_PAGES_UNSHARED, "pages_unshared", PV_PARAM_ULLONG},
        {protocol::VIR_NODE_MEMORY_SHARED_PAGES_VOLATILE, "pages_volatile", PV_PARAM_ULLONG},
        {protocol::VIR_NODE_MEMORY_SHARED_FULL_SCANS, "full_scans", PV_PARAM_ULLONG},
        {protocol::VIR_NODE_MEMORY_SHARED_MERGE_ACROSS_NODES, "merge_across_nodes", PV_PARAM_UINT},
    };
    const Machine machine = machine_of(call);
    for (const Parameter& p : kParameters) {
        const auto value = machine.ksm(p.file);
        if (!value) continue;
        pv_param param{};
        param.field = p.name;
        param.type = p.type;
        if (p.type == PV_PARAM_UINT) param.v.ui = static_cast<std::uint32_t>(*value);
        else param.v.ul = *value;
        static_cast<void>(build().add_param(out.params, &param));
    }
    return {};
}

Status cpu_map(WireCall& call, const pv_node_cpu_map_in& in, pv_node_cpu_map_out& out) {
    PV_TRY(no_flags(in.flags, "virHostCPUGetMap"));
    const std::vector<bool> cpus = machine_of(call).cpu_map();
    std::string map((cpus.size() + 7) / 8, '\0');
    for (std::size_t i = 0; i < cpus.size(); ++i)
        if (cpus[i]) map[i / 8] = static_cast<char>(map[i / 8] | 1 << i % 8);
    put(out.map, map);
    out.online = static_cast<std::uint32_t>(std::count(cpus.begin(), cpus.end(), true));
    out.cpus = static_cast<std::int32_t>(cpus.size());
    return {};
}

Status free_pages(WireCall& call, const pv_node_free_pages_in& in, pv_node_free_pages_out& out) {
    PV_TRY(check_flags(call.proc(), PV_KIND_NONE, call.driver(), in.flags, 0));
    const Machine machine = machine_of(call);
    PV_ASSIGN_OR_RETURN(const Cells range, cells(machine, in.start_cell, in.cell_count, true));
    for (int cell = range.first; cell <= range.last; ++cell)
        for (const std::uint32_t kib : std::span(in.pages, in.npages)) {
            const auto count = machine.free_pages(cell, kib);
            if (!count)
                return make_error(ErrorCode::operation_failed, ErrorDomain::none, "page size {} is not available{}", kib,
                                  cell >= 0 ? fmt::format(" on node {}", cell) : std::string());
            pv_node_page_count page{};
            page.size = sizeof page;
            page.count = *count;
            if (build().add_record(out.counts, &page) != PV_OK) return {}; // too many: the glue says so
        }
    return {};
}

// The driver's name in the way clients know it: "QEMU" for qemu:///system.
Status type(WireCall& call, const pv_hv_type_in&, pv_hv_type_out& out) {
    put(out.type, call.driver().type_name());
    return {};
}

Status sysinfo(WireCall& call, const pv_hv_sysinfo_in& in, pv_hv_sysinfo_out& out) {
    PV_TRY(check_flags(call.proc(), PV_KIND_NONE, call.driver(), in.flags, 0));
    const auto document = machine_of(call).sysinfo();
    if (!document)
        return make_error(ErrorCode::config_unsupported, call.driver().error_domain(),
                          "Host SMBIOS information is not available");
    put(out.xml, *document);
    return {};
}

} // namespace

DefaultFn find_default(std::uint32_t op) {
    static const std::unordered_map<std::uint32_t, DefaultFn> kAll = {
        {PV_OP_HV_TYPE, &run<pv_hv_type_in, pv_hv_type_out, &type>},
        {PV_OP_HV_SYSINFO, &run<pv_hv_sysinfo_in, pv_hv_sysinfo_out, &sysinfo>},
        {PV_OP_NODE_INFO, &run<pv_node_info_in, pv_node_info_out, &info>},
        {PV_OP_NODE_FREE_MEMORY, &run<pv_node_free_memory_in, pv_node_free_memory_out, &free_memory>},
        {PV_OP_NODE_CELLS_FREE_MEMORY,
         &run<pv_node_cells_free_memory_in, pv_node_cells_free_memory_out, &cells_free_memory>},
        {PV_OP_NODE_CPU_STATS, &run<pv_node_cpu_stats_in, pv_node_cpu_stats_out, &cpu_stats>},
        {PV_OP_NODE_MEMORY_STATS, &run<pv_node_memory_stats_in, pv_node_memory_stats_out, &memory_stats>},
        {PV_OP_NODE_MEMORY_PARAMETERS,
         &run<pv_node_memory_parameters_in, pv_node_memory_parameters_out, &memory_parameters>},
        {PV_OP_NODE_CPU_MAP, &run<pv_node_cpu_map_in, pv_node_cpu_map_out, &cpu_map>},
        {PV_OP_NODE_FREE_PAGES, &run<pv_node_free_pages_in, pv_node_free_pages_out, &free_pages>},
    };
    const auto found = kAll.find(op);
    return found != kAll.end() ? found->second : find_node_change(op);
}

} // namespace polyvirt::dispatch
