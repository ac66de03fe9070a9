// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What goes between the host and our helper while a volume's contents are on their way: the frames of host.stream/1.

#include <cstdint>

#include <polyvirt/abi/stream.h>

namespace polyvirt::storage {

enum class FrameKind : std::uint32_t { data = PV_FRAME_DATA, hole = PV_FRAME_HOLE, end = PV_FRAME_END };

struct FrameHead {
    FrameKind kind{};
    std::uint32_t unused = 0;
    std::uint64_t length = 0; // bytes that follow, or that the hole has
};
static_assert(sizeof(FrameHead) == sizeof(pv_frame) && offsetof(FrameHead, length) == offsetof(pv_frame, length));

inline constexpr std::uint64_t kMaxFrame = 256U << 10; // of data, those of ours

} // namespace polyvirt::storage
