// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Big-endian words at any address.

#include <bit>
#include <cstdint>
#include <cstring>

namespace polyvirt::protocol {

inline std::uint32_t load_be32(const std::uint8_t* at) {
    std::uint32_t v = 0;
    std::memcpy(&v, at, sizeof v);
    return std::endian::native == std::endian::little ? __builtin_bswap32(v) : v;
}
inline void store_be32(std::uint8_t* at, std::uint32_t v) {
    if (std::endian::native == std::endian::little) v = __builtin_bswap32(v);
    std::memcpy(at, &v, sizeof v);
}
inline std::uint64_t load_be64(const std::uint8_t* at) {
    return static_cast<std::uint64_t>(load_be32(at)) << 32 | load_be32(at + 4);
}
inline void store_be64(std::uint8_t* at, std::uint64_t v) {
    store_be32(at, static_cast<std::uint32_t>(v >> 32));
    store_be32(at + 4, static_cast<std::uint32_t>(v));
}

} // namespace polyvirt::protocol
