// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// OpCatalog: which op tables there are, as far as the trampoline must know. The real one is generated
// from plugin-api/spec (default_catalog()); tests bring their own. Constant for the life of the program.
//
// An op's number is (number of its table << 8) | slot.

#include <cstdint>
#include <span>

#include <polyvirt/abi/base.h>

namespace polyvirt::plugin {

struct OpInfo {
    const char* name = nullptr; // "create_xml"
    bool may_block = true;
    // Delivered even while the object's strand is taken (abort and progress of a job, destroy).
    bool always = false;
    bool cancels = false; // ends with its client, or when its time is over: waits and reads
    // Sizes of its structs; 0: whoever enters knows (tests).
    std::uint32_t in_size = 0, out_size = 0;
    // Where its flags stand in `in`, which are known, and who is named in the refusal of others; 0: it has none.
    std::uint32_t flags_offset = 0, flags_known = 0;
    const char* api = nullptr;
};

struct OpTable {
    const char* id = nullptr; // "pv.dom.lifecycle/1"
    std::span<const OpInfo> ops;
    std::uint32_t kind = 0; // PV_KIND_* of the objects that they are about
};

struct OpCatalog {
    std::span<const OpTable> tables; // by number; at most 256, each of at most 256 ops; an entry may be empty
};

// Every op of the spec, numbered as in polyvirt/abi/gen/ops.h.
[[nodiscard]] const OpCatalog& default_catalog();

[[nodiscard]] constexpr std::uint32_t op_number(std::uint32_t table, std::uint32_t slot) {
    return table << 8 | slot;
}

// Of an op of the default catalog; false for numbers that it does not have.
[[nodiscard]] bool op_may_block(std::uint32_t op);

// Null: the catalog has no such op.
[[nodiscard]] constexpr const OpInfo* find_op(const OpCatalog& catalog, std::uint32_t op) {
    if (op >> 8 >= catalog.tables.size()) return nullptr;
    const auto ops = catalog.tables[op >> 8].ops;
    return (op & 0xff) < ops.size() ? &ops[op & 0xff] : nullptr;
}

// What every slot looks like, whatever its argument types are.
using OpFn = pv_status (*)(pv_inst*, pv_call*, const pv_obj*, const void* in, void* out) PV_NOEXCEPT;

} // namespace polyvirt::plugin
