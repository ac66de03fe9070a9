// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Big-endian words, as the wire has them.

#include <cstdint>

namespace polyvirt::rpc {

inline std::uint32_t get_u32(const std::uint8_t* at) {
    return static_cast<std::uint32_t>(at[0]) << 24 | static_cast<std::uint32_t>(at[1]) << 16 |
           static_cast<std::uint32_t>(at[2]) << 8 | at[3];
}
inline std::int64_t get_i64(const std::uint8_t* at) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(get_u32(at)) << 32 |
                                     get_u32(at + 4));
}
inline void put_u32(std::uint8_t* at, std::uint32_t v) {
    at[0] = static_cast<std::uint8_t>(v >> 24);
    at[1] = static_cast<std::uint8_t>(v >> 16);
    at[2] = static_cast<std::uint8_t>(v >> 8);
    at[3] = static_cast<std::uint8_t>(v);
}

} // namespace polyvirt::rpc
