// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/op_catalog.h"

#include <array>

#include <polyvirt/abi/gen/ops.h>

namespace polyvirt::plugin {
namespace {

struct Row {
    std::uint32_t op;
    const char* name;
    bool may_block;
    bool always;
};
constexpr Row kRows[] = {
#define PV_ROW(op, table, slot, base, target, may_block, changes, deadline, cancel, stream, always, host)      \
    {op, #slot, may_block != 0, always != 0},
    PV_OPS(PV_ROW)
#undef PV_ROW
};

constexpr const char* kTableIds[] = {
    "", // numbers begin with 1
#define PV_ROW(number, type, id) id,
    PV_TABLES(PV_ROW)
#undef PV_ROW
};

struct Catalog {
    std::array<OpInfo, std::size(kRows)> ops{};
    std::array<OpTable, std::size(kTableIds)> tables{};
    OpCatalog catalog;

    Catalog() {
        for (std::size_t i = 0; i < ops.size(); ++i)
            ops[i] = {kRows[i].name, kRows[i].may_block, kRows[i].always};
        std::size_t begin = 0;
        for (std::size_t t = 0; t < tables.size(); ++t) {
            std::size_t end = begin;
            while (end < ops.size() && PV_OP_TABLE(kRows[end].op) == t) ++end;
            tables[t] = {kTableIds[t], std::span(ops).subspan(begin, end - begin)};
            begin = end;
        }
        catalog.tables = tables;
    }
};

} // namespace

const OpCatalog& default_catalog() {
    static const Catalog kCatalog;
    return kCatalog.catalog;
}

bool op_may_block(std::uint32_t op) {
    const auto tables = default_catalog().tables;
    if (op >> 8 >= tables.size()) return false;
    const auto ops = tables[op >> 8].ops;
    return (op & 0xff) < ops.size() && ops[op & 0xff].may_block;
}

} // namespace polyvirt::plugin
