// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Bandwidth of block jobs: clients say MiB/s unless they say that it is bytes.

#include <cstdint>

#include "base/error_text.h"

namespace polyvirt::qemu {

inline constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

// Error: overflow.
inline Result<std::uint64_t> bytes_per_second(std::uint64_t bandwidth, bool bytes) {
    const std::uint64_t limit = static_cast<std::uint64_t>(INT64_MAX) / (bytes ? 1 : kMiB);
    if (bandwidth > limit) return make_error(ErrorCode::overflow, ErrorDomain::qemu, "bandwidth must be less than {}", limit);
    return bytes ? bandwidth : bandwidth * kMiB;
}

} // namespace polyvirt::qemu
