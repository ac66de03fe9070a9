// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What changes the machine: page sharing, huge pages, sleep. Checks and words are the peer's.

#include <algorithm>
#include <iterator>
#include <limits>
#include <span>

#include <polyvirt/abi/gen/hv_node.h>
#include <polyvirt/abi/gen/ops.h>

#include "base/error_text.h"
#include "base/log.h"
#include "host/dispatch/kind_facts.h"
#include "host/dispatch/node_support.h"
#include "host/protocol/gen/constants.h"

namespace polyvirt::dispatch {
namespace {

const char* change_name(std::int32_t type) {
    constexpr const char* kNames[] = {"unknown", "int", "uint", "llong", "ullong", "double", "boolean", "string"};
    return type > 0 && type < static_cast<std::int32_t>(std::size(kNames)) ? kNames[type] : kNames[0];
}

// ---- page sharing ----------------------------------------------------------------------------------------------

struct Tunable {
    const char *name, *file;
};
constexpr Tunable kTunables[] = {
    {protocol::VIR_NODE_MEMORY_SHARED_PAGES_TO_SCAN, "/sys/kernel/mm/ksm/pages_to_scan"},
    {protocol::VIR_NODE_MEMORY_SHARED_SLEEP_MILLISECS, "/sys/kernel/mm/ksm/sleep_millisecs"},
    {protocol::VIR_NODE_MEMORY_SHARED_MERGE_ACROSS_NODES, "/sys/kernel/mm/ksm/merge_across_nodes"},
};

Result<const Tunable*> find_tunable(const Machine& machine, std::span<const pv_param> before, const pv_param& param) {
    const std::string_view name = param.field;
    const auto* found = std::find_if(std::begin(kTunables), std::end(kTunables), [&](const Tunable& t) { return name == t.name; });
    if (found == std::end(kTunables))
        return make_error(ErrorCode::argument_unsupported, ErrorDomain::none, "parameter '{}' not supported", name);
    if (param.type != PV_PARAM_UINT)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "invalid type '{}' for parameter '{}', expected 'uint'",
                          change_name(param.type), name);
    if (std::any_of(before.begin(), before.end(), [&](const pv_param& p) { return name == p.field; }))
        return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "parameter '{}' occurs multiple times", name);
    if (!machine.has(found->file))
        return make_error(ErrorCode::operation_invalid, ErrorDomain::none,
                          "Parameter '{}' is not supported by this kernel", name);
    return found;
}

// All are checked before the first is set.
Status set_memory_parameters(WireCall& call, const pv_node_set_memory_parameters_in& in, pv_node_set_memory_parameters_out&) {
    PV_TRY(no_flags(in.flags, "virHostMemGetParameters")); // the peer's own slip
    const Machine machine = machine_of(call);
    const std::span params(in.params, in.nparams);
    for (std::size_t i = 0; i < params.size(); ++i)
        if (const auto known = find_tunable(machine, params.first(i), params[i]); !known) return known.error();
    for (const pv_param& param : params) {
        PV_ASSIGN_OR_RETURN(const Tunable* tunable, find_tunable(machine, {}, param));
        if (const int code = machine.write(tunable->file, std::to_string(param.v.ui)); code != 0)
            return make_system_error(code, ErrorDomain::none, std::string("failed to set ") + tunable->name);
    }
    return {};
}

// ---- huge pages ------------------------------------------------------------------------------------------------

Status set_pages(const Machine& machine, int cell, std::uint32_t kib, std::uint64_t count, bool add) {
    const std::string file = Machine::page_pool(cell, kib);
    const auto now = machine.number(file);
    if (!now)
        return make_error(ErrorCode::operation_failed, ErrorDomain::none, "page size {} is not available{}", kib,
                          cell >= 0 ? fmt::format(" on node {}", cell) : std::string());
    if (add && count > std::numeric_limits<std::uint64_t>::max() - *now)
        return make_error(ErrorCode::operation_failed, ErrorDomain::none, "{} pages more than {} are too many", count, *now);
    const std::uint64_t wanted = add ? *now + count : count;
    if (wanted == *now) return {};
    if (const int code = machine.write(file, std::to_string(wanted)); code != 0)
        return make_system_error(code, ErrorDomain::none, "Unable to write to: " + file);
    // The kernel takes what it finds and says nothing.
    const std::uint64_t got = machine.number(file).value_or(0);
    if (got == wanted) return {};
    return make_error(ErrorCode::operation_failed, ErrorDomain::none, "Unable to allocate {} pages. Allocated only {}",
                      wanted, got);
}

Status alloc_pages(WireCall& call, const pv_node_alloc_pages_in& in, pv_node_alloc_pages_out& out) {
    constexpr std::uint32_t kSet = protocol::VIR_NODE_ALLOC_PAGES_SET;
    PV_TRY(check_flags(call.proc(), PV_KIND_NONE, call.driver(), in.flags, kSet));
    if (in.npage_sizes != in.npage_counts)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "{} page sizes with {} counts", in.npage_sizes,
                          in.npage_counts);
    if (in.start_cell < -1)
        return make_error(ErrorCode::operation_failed, ErrorDomain::none, "NUMA node {} is not available", in.start_cell);
    const Machine machine = machine_of(call);
    PV_ASSIGN_OR_RETURN(const Cells range, cells(machine, in.start_cell, in.cell_count, true));
    for (int cell = range.first; cell <= range.last; ++cell)
        for (std::uint32_t i = 0; i < in.npage_sizes; ++i) {
            if (in.page_sizes[i] == Machine::system_page_kib())
                return make_error(ErrorCode::operation_unsupported, ErrorDomain::none,
                                  "system pages pool can't be modified");
            PV_TRY(set_pages(machine, cell, in.page_sizes[i], in.page_counts[i], (in.flags & kSet) == 0));
            ++out.served;
        }
    return {};
}

// ---- sleep -----------------------------------------------------------------------------------------------------

constexpr const char *kState = "/sys/power/state", *kDisk = "/sys/power/disk", *kAlarm = "/sys/class/rtc/rtc0/wakealarm";
constexpr std::uint64_t kLeastSeconds = 60; // so that the machine can be awake again before it sleeps
constexpr std::uint64_t kMostSeconds = std::uint64_t{10} * 366 * 86'400;

struct Sleep {
    const char *words, *state, *disk; // disk: what kDisk must offer, null if it plays no part
};
constexpr Sleep kSleeps[] = {{"Suspend-to-RAM", "mem", nullptr},
                             {"Suspend-to-Disk", "disk", "platform"},
                             {"Hybrid-Suspend", "disk", "suspend"}};

// Words of a file, of which the kernel puts the one that holds into brackets.
bool offers(const Machine& machine, const char* file, std::string_view word) {
    std::string text = machine.line(file);
    std::replace_if(text.begin(), text.end(), [](char c) { return c == '[' || c == ']'; }, ' ');
    return (" " + text + " ").find(fmt::format(" {} ", word)) != std::string::npos;
}

// How the machine is switched off once its memory is on disk.
const char* disk_mode(const Machine& machine, const Sleep& sleep) {
    if (sleep.disk == nullptr) return nullptr;
    if (offers(machine, kDisk, sleep.disk)) return sleep.disk;
    const bool other = std::string_view(sleep.disk) == "platform" && offers(machine, kDisk, "shutdown");
    return other ? "shutdown" : nullptr;
}

// Returns when the machine is awake again.
void fall_asleep(const Machine& machine, const Sleep& sleep, const char* mode) {
    log::info("dispatch", "{}: the machine goes to sleep", sleep.words);
    int code = mode != nullptr ? machine.write(kDisk, mode) : 0;
    if (code == 0) code = machine.write(kState, sleep.state);
    if (code != 0) log::warning("dispatch", "{}: {}", sleep.words, make_system_error(code, ErrorDomain::none, kState).message);
}

Status suspend(WireCall& call, const pv_node_suspend_in& in, pv_node_suspend_out&) {
    PV_TRY(no_flags(in.flags, "virNodeSuspend"));
    if (in.sleep < 0 || in.sleep >= static_cast<std::int32_t>(std::size(kSleeps)))
        return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "Invalid suspend target");
    const Machine machine = machine_of(call);
    const Sleep& sleep = kSleeps[in.sleep];
    const char* const mode = disk_mode(machine, sleep);
    if (!offers(machine, kState, sleep.state) || (sleep.disk != nullptr && mode == nullptr))
        return make_error(ErrorCode::argument_unsupported, ErrorDomain::none, "{}", sleep.words);
    if (in.duration < kLeastSeconds || in.duration > kMostSeconds)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "Suspend duration is too {}",
                          in.duration < kLeastSeconds ? "short" : "long");
    // An alarm that is set already refuses another one.
    int code = machine.write(kAlarm, "0");
    if (code == 0) code = machine.write(kAlarm, fmt::format("+{}", in.duration));
    if (code != 0) return make_system_error(code, ErrorDomain::none, "cannot set the alarm that wakes the machine");
    // The client is to hear of it first.
    call.after_reply([machine, &sleep, mode] { fall_asleep(machine, sleep, mode); });
    return {};
}

} // namespace

DefaultFn find_node_change(std::uint32_t op) {
    switch (op) {
    case PV_OP_NODE_SET_MEMORY_PARAMETERS:
        return &run<pv_node_set_memory_parameters_in, pv_node_set_memory_parameters_out, &set_memory_parameters>;
    case PV_OP_NODE_ALLOC_PAGES: return &run<pv_node_alloc_pages_in, pv_node_alloc_pages_out, &alloc_pages>;
    case PV_OP_NODE_SUSPEND: return &run<pv_node_suspend_in, pv_node_suspend_out, &suspend>;
    default: return nullptr;
    }
}

} // namespace polyvirt::dispatch
