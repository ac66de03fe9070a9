// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/op_catalog.h"

#include <array>
#include <string_view>
#include <vector>

#include <polyvirt/abi/gen/ops.h>

namespace polyvirt::plugin {
namespace {

struct Row {
    std::uint32_t op;
    const char* name;
    bool may_block;
};

constexpr Row kRows[] = {
#define PV_ROW(op, table, slot, base, target, may_block, changes, deadline, cancel, stream, host_default) \
    {op, #slot, (may_block) != 0},
    PV_OPS(PV_ROW)
#undef PV_ROW
};

struct TableId {
    std::uint32_t number;
    const char* id;
};
constexpr TableId kTables[] = {
#define PV_ROW(number, table, id) {number, id},
    PV_TABLES(PV_ROW)
#undef PV_ROW
};

// What ends or watches something long must not wait behind it, not even in a driver that takes one op at a
// time.
bool is_always(std::uint32_t op) {
    return PV_OP_TABLE(op) == PV_OP_TABLE(PV_OP_DOM_ABORT_JOB) || op == PV_OP_DOM_DESTROY;
}

struct Built {
    std::array<std::vector<OpInfo>, 256> ops;
    std::array<OpTable, 256> tables;
    OpCatalog catalog;

    Built() {
        std::size_t count = 0;
        for (const Row& row : kRows) {
            auto& table = ops[PV_OP_TABLE(row.op)];
            if (table.size() <= PV_OP_SLOT(row.op)) table.resize(PV_OP_SLOT(row.op) + 1);
            table[PV_OP_SLOT(row.op)] = {row.name, row.may_block, is_always(row.op)};
        }
        for (const TableId& table : kTables) {
            tables[table.number] = {table.id, ops[table.number]};
            count = table.number + 1 > count ? table.number + 1 : count;
        }
        catalog.tables = std::span(tables).first(count);
    }
};

} // namespace

const OpCatalog& default_catalog() {
    static const Built built;
    return built.catalog;
}

} // namespace polyvirt::plugin
