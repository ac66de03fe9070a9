// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The structs of the wire as data, for what must treat all alike and forget none: tests, fuzzers,
// traces. The tables are generated (gen/layout.cpp) and constant. Calls have codecs of their own,
// the daemon links none of this: target polyvirt_protocol_layout.

#include <cstddef>
#include <cstdint>
#include <span>

#include "host/protocol/xdr.h"

namespace polyvirt::protocol {

struct Layout;

// What a field, or each item of it, is. i8 in a list or vec is a char in C++.
enum class Shape : std::uint8_t {
    i8,
    u8,
    i16,
    u16,
    i32,
    u32,
    i64,
    u64,
    f64,
    str,
    blob,
    raw,
    object
};
// optional: a Str with or without data, or a pointer to the object. list: std::span<const T>.
enum class Holder : std::uint8_t { one, optional, list, vec };

// A std::span of whatever item type, taken apart and put together.
struct ListAccess {
    std::size_t item_size = 0;
    const void* (*items)(const void* field, std::size_t& n) = nullptr;
    void (*set)(void* field, const void* items, std::size_t n) = nullptr;
};

template <typename T>
inline constexpr ListAccess kListOf = {
    sizeof(T),
    [](const void* field, std::size_t& n) -> const void* {
        const auto& list = *static_cast<const std::span<const T>*>(field);
        n = list.size();
        return list.data();
    },
    [](void* field, const void* items, std::size_t n) {
        *static_cast<std::span<const T>*>(field) = {static_cast<const T*>(items), n};
    }};

struct FieldLayout {
    const char* name;
    std::size_t offset;
    Holder holder;
    Shape shape;
    std::uint32_t limit; // list: most items
    std::uint32_t bytes; // str, blob: most bytes; raw: exactly so many
    std::uint32_t count; // vec: items
    const Layout* object;
    ListAccess list;
};

struct Layout {
    const char* name; // within polyvirt::protocol
    std::size_t size, align;
    std::span<const FieldLayout> fields;
    // Of a union: fields[0] is the tag, which selects fields[i + 1] if it is arms[i].
    std::span<const std::int32_t> arms;
    void (*construct)(void* at);
    bool (*decode)(Decoder& d, void* v);
    void (*encode)(Encoder& e, const void* v);
};

template <typename T>
constexpr Layout layout_of(const char* name, std::span<const FieldLayout> fields,
                           std::span<const std::int32_t> arms) {
    return {name,
            sizeof(T),
            alignof(T),
            fields,
            arms,
            [](void* at) { ::new (at) T{}; },
            [](Decoder& d, void* v) { return decode(d, *static_cast<T*>(v)); },
            [](Encoder& e, const void* v) { encode(e, *static_cast<const T*>(v)); }};
}

// What travels under one procedure number; null where nothing can (a call has no event, an event
// nothing else).
struct MessageLayouts {
    const Layout *args, *ret, *event;
};

// Every struct that has codecs.
std::span<const Layout* const> layouts();
// By procedure number less one; empty for unknown programs.
std::span<const MessageLayouts> message_layouts(std::uint32_t program);

} // namespace polyvirt::protocol
