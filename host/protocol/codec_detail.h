// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The shapes that generated codecs are made of: optional values, lists, fixed arrays. For generated
// sources only.

#include <array>
#include <cstdint>
#include <span>

#include "host/protocol/xdr.h"

namespace polyvirt::protocol::detail {

template <typename T> bool get_one(Decoder& d, T& v) {
    if constexpr (requires { d.get(v); })
        return d.get(v);
    else
        return decode(d, v);
}

template <typename T> void put_one(Encoder& e, const T& v) {
    if constexpr (requires { e.put(v); })
        e.put(v);
    else
        encode(e, v);
}

inline bool opt_str(Decoder& d, Str& v, std::uint32_t limit) {
    bool present = false;
    v = {};
    return d.flag(present) && (!present || d.str(v, limit));
}

template <typename T> bool opt(Decoder& d, const T*& v) {
    bool present = false;
    v = nullptr;
    if (!d.flag(present)) return false;
    if (!present) return true;
    T* value = d.arena().make<T>();
    v = value;
    return get_one(d, *value);
}

template <typename T>
bool list(Decoder& d, std::span<const T>& v, std::uint32_t limit, std::uint32_t item_bytes) {
    std::uint32_t n = 0;
    if (!d.count(n, limit, item_bytes)) return false;
    const std::span<T> items = d.arena().make_array<T>(n);
    v = items;
    for (T& item : items)
        if (!get_one(d, item)) return false;
    return true;
}

inline bool str_list(Decoder& d, std::span<const Str>& v, std::uint32_t limit, std::uint32_t each) {
    std::uint32_t n = 0;
    if (!d.count(n, limit, 4)) return false;
    const std::span<Str> items = d.arena().make_array<Str>(n);
    v = items;
    for (Str& item : items)
        if (!d.str(item, each)) return false;
    return true;
}

template <typename T, std::size_t N> bool vec(Decoder& d, std::array<T, N>& v) {
    for (T& item : v)
        if (!get_one(d, item)) return false;
    return true;
}

inline void put_opt_str(Encoder& e, const Str& v, std::uint32_t limit, const char* what) {
    e.put(static_cast<std::uint32_t>(v.present()));
    if (v.present()) e.str(v, limit, what);
}

template <typename T> void put_opt(Encoder& e, const T* v) {
    e.put(static_cast<std::uint32_t>(v != nullptr));
    if (v != nullptr) put_one(e, *v);
}

template <typename T>
void put_list(Encoder& e, std::span<const T> v, std::uint32_t limit, const char* what) {
    if (!e.count(v.size(), limit, what)) return;
    for (const T& item : v) {
        put_one(e, item);
        if (e.failed()) return;
    }
}

inline void put_str_list(Encoder& e, std::span<const Str> v, std::uint32_t limit,
                         std::uint32_t each, const char* what) {
    if (!e.count(v.size(), limit, what)) return;
    for (const Str& item : v) {
        e.str(item, each, what);
        if (e.failed()) return;
    }
}

template <typename T, std::size_t N> void put_vec(Encoder& e, const std::array<T, N>& v) {
    for (const T& item : v) put_one(e, item);
}

} // namespace polyvirt::protocol::detail
