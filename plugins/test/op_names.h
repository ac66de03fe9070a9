// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The names by which faults call ops: kind of object and op as in the plugin ABI, "domain.suspend", "volume.upload",
// "host.capabilities". Made from the ABI's own list, so that none is forgotten.

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <polyvirt/abi/gen/ops.h>

namespace polyvirt::test {

// How the ops of each table are called.
inline constexpr std::pair<std::string_view, std::string_view> kKindOfTable[] = {
    {"pv_hv_caps", "host"},          {"pv_hv_node", "node"},
    {"pv_dom_snapshot", "snapshot"}, {"pv_dom_checkpoint", "checkpoint"},
    {"pv_net_network", "network"},   {"pv_net_port", "port"},
    {"pv_sto_pool", "pool"},         {"pv_sto_vol", "volume"},
    {"pv_nodedev", "nodedev"},       {"pv_iface", "interface"},
    {"pv_nwfilter", "nwfilter"},     {"pv_nwfilter_binding", "nwfilter_binding"},
    {"pv_secret", "secret"},
};
constexpr std::string_view kind_of_table(std::string_view table) {
    for (const auto& [name, kind] : kKindOfTable)
        if (name == table) return kind;
    return "domain"; // has a dozen tables
}

struct OpRow {
    std::string_view kind, op;
};
inline constexpr OpRow kOps[] = {
#define PV_TEST_ROW(op, table, slot, ...) {kind_of_table(#table), #slot},
    PV_OPS(PV_TEST_ROW)
#undef PV_TEST_ROW
};

constexpr bool is_op(std::string_view name) {
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos) return false;
    const std::string_view kind = name.substr(0, dot), op = name.substr(dot + 1);
    return std::any_of(std::begin(kOps), std::end(kOps), [&](const OpRow& row) { return row.kind == kind && row.op == op; });
}

// Why `pattern` ("domain.suspend", "domain.*", "*") means no op; empty if it means some.
std::string complain_of_pattern(std::string_view pattern);

} // namespace polyvirt::test
