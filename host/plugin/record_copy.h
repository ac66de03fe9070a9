// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the generated record copiers (gen/records.cpp) are made of: deep copies of the members that a
// driver's record points to. The copies live in the deques, whose elements never move.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include <polyvirt/abi/base.h>

namespace polyvirt::plugin::record_copy {

using Texts = std::deque<std::string>;
using Arrays = std::deque<std::vector<std::byte>>;

// The record as this build knows it: what the driver's own, perhaps shorter one does not cover is zero.
template <typename Record> Record covered(const void* from) {
    std::uint32_t size = 0;
    std::memcpy(&size, from, sizeof size);
    Record record{};
    std::memcpy(&record, from, std::min<std::size_t>(size, sizeof record));
    record.size = sizeof record;
    return record;
}

inline const char* opt_text(const char* text, Texts& texts) {
    return text == nullptr ? nullptr : texts.emplace_back(text).c_str();
}

// A text that must be there: absent becomes empty.
inline const char* text(const char* text, Texts& texts) { return text == nullptr ? "" : opt_text(text, texts); }

template <typename T> T* space(std::size_t n, Arrays& arrays) {
    // operator new aligns for any of these types.
    return reinterpret_cast<T*>(arrays.emplace_back(n * sizeof(T)).data());
}

template <typename T> const T* array(const T* from, std::uint32_t& n, Arrays& arrays) {
    if (from == nullptr) n = 0;
    if (n == 0) return nullptr;
    T* to = space<T>(n, arrays);
    std::memcpy(to, from, n * sizeof(T));
    return to;
}

inline const char* const* strings(const char* const* from, std::uint32_t& n, Texts& texts, Arrays& arrays) {
    if (from == nullptr) n = 0;
    if (n == 0) return nullptr;
    const char** to = space<const char*>(n, arrays);
    for (std::uint32_t i = 0; i < n; ++i) to[i] = text(from[i], texts);
    return to;
}

using CopyFn = void (*)(const void* from, void* to, Texts& texts, Arrays& arrays);

// Nested records stand their own `size` apart in the driver's array.
template <typename Record>
const Record* records(const Record* from, std::uint32_t& n, CopyFn copy, Texts& texts, Arrays& arrays) {
    if (from == nullptr || from->size == 0) n = 0;
    if (n == 0) return nullptr;
    const std::size_t stride = from->size;
    Record* to = space<Record>(n, arrays);
    for (std::uint32_t i = 0; i < n; ++i)
        copy(reinterpret_cast<const std::byte*>(from) + i * stride, to + i, texts, arrays);
    return to;
}

} // namespace polyvirt::plugin::record_copy
