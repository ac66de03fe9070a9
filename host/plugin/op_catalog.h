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
};

struct OpTable {
    const char* id = nullptr; // "pv.dom.lifecycle/1"
    std::span<const OpInfo> ops;
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

// What every slot looks like, whatever its argument types are.
using OpFn = pv_status (*)(pv_inst*, pv_call*, const pv_obj*, const void* in, void* out) PV_NOEXCEPT;

} // namespace polyvirt::plugin
