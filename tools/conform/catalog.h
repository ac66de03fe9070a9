// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the spec says of every op and event, for a program that has to call them all: made by tools/generate/conform.py.
// Constant.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace polyvirt::conform {

enum class FieldType {
    u32, i32, u64, i64, f64, boolean, flags, enumeration, uuid,
    text, opt_text, bytes, strings, params, u32s, u64s, fds, object, objects, // in; text, opt_text, bytes: a sink in out
    handle, groups, records,                                                  // out
};

struct FieldSpec {
    const char* name;
    FieldType type;
    std::size_t offset;
    std::size_t count_offset; // of arrays in `in`; else 0
    std::uint32_t known;      // flags: all bits that mean something; enumerations: the highest value
    std::uint32_t kind;       // of objects; 0: any
    std::uint32_t family;     // of parameters: PV_PARAMS_*; else 0
};

struct OpSpec {
    std::uint32_t id;
    const char* table;
    const char* name; // "dom_lifecycle.create"
    std::uint32_t slot;
    std::uint32_t target; // PV_KIND_*
    bool may_block, changes, cancels, always;
    std::uint32_t stream; // PV_STREAM_READ, ..; 0: none
    std::size_t in_size, out_size;
    std::span<const FieldSpec> in, out;
    [[nodiscard]] std::string_view slot_name() const {
        const std::string_view n(name);
        return n.substr(n.find('.') + 1);
    }
};

struct EventSpec {
    std::uint32_t kind;
    std::int32_t id;
    const char* name;
    std::size_t size;
    std::span<const FieldSpec> fields;
};

struct TableSpec {
    const char* id;
    std::size_t size;
    std::size_t ops;
};

std::span<const OpSpec> all_ops();
std::span<const EventSpec> all_events();
std::span<const TableSpec> all_tables();

const OpSpec* find_op(std::string_view name);
const EventSpec* find_event(std::uint32_t kind, std::int32_t id);
// "domain"; "object" for what has no name.
const char* kind_name(std::uint32_t kind);

} // namespace polyvirt::conform
