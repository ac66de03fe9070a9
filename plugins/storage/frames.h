// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What goes between the driver and its helper while a volume's contents are on their way: a head, and with data the bytes.
// Both ends are one build on one machine.

#include <cstdint>

namespace polyvirt::storage {

enum class FrameKind : std::uint32_t { data = 1, hole = 2, end = 3 };

struct FrameHead {
    FrameKind kind{};
    std::uint32_t unused = 0;
    std::uint64_t length = 0; // bytes that follow, or that the hole has
};
static_assert(sizeof(FrameHead) == 16);

inline constexpr std::uint64_t kMaxFrame = 256U << 10; // of data

} // namespace polyvirt::storage
