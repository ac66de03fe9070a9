// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/op_catalog.h"

#include <array>
#include <cstddef>

#include <polyvirt/abi/gen/ops.h>

namespace polyvirt::plugin {
namespace {

struct Row {
    std::uint32_t op;
    const char* name;
    bool may_block;
    bool always, cancels;
    std::uint32_t in_size, out_size;
};
constexpr Row kRows[] = {
#define PV_ROW(op, table, slot, base, target, may_block, changes, deadline, cancel, stream, always, host)      \
    {op, #slot, may_block != 0, always != 0, cancel != 0, sizeof(base##_in), sizeof(base##_out)},
    PV_OPS(PV_ROW)
#undef PV_ROW
};

struct FlagsRow {
    std::uint32_t op, offset, known;
    const char* api;
};
constexpr FlagsRow kFlags[] = {
#define PV_ROW(op, type, field, known, api) {op, offsetof(type, field), known, api},
    PV_OP_FLAGS(PV_ROW)
#undef PV_ROW
};

constexpr std::uint32_t kKinds[] = {
    0, // numbers begin with 1
#define PV_ROW(number, kind) kind,
    PV_TABLE_KINDS(PV_ROW)
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
            ops[i] = {kRows[i].name, kRows[i].may_block, kRows[i].always, kRows[i].cancels,
                      kRows[i].in_size, kRows[i].out_size};
        std::size_t row = 0; // both tables are in order of the ops
        for (const FlagsRow& flags : kFlags) {
            while (kRows[row].op != flags.op) ++row;
            if (ops[row].flags_offset != 0) continue; // a second set of flags is the driver's to check
            ops[row].flags_offset = flags.offset;
            ops[row].flags_known = flags.known;
            ops[row].api = flags.api;
        }
        std::size_t begin = 0;
        for (std::size_t t = 0; t < tables.size(); ++t) {
            std::size_t end = begin;
            while (end < ops.size() && PV_OP_TABLE(kRows[end].op) == t) ++end;
            tables[t] = {kTableIds[t], std::span(ops).subspan(begin, end - begin), kKinds[t]};
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
    const OpInfo* info = find_op(default_catalog(), op);
    return info != nullptr && info->may_block;
}

} // namespace polyvirt::plugin
