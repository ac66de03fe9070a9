// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// How much memory an emulator may lock: devices write to the guest's memory by themselves, so that it must stay where it is.

#include <cstdint>

#include "base/result.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

// Bytes; 0: no more than any process; UINT64_MAX: all that it likes.
std::uint64_t memory_to_lock(const sdk::domain::Domain& domain);
// For an emulator that runs; never lowers what it has. A daemon that is not root cannot, and leaves it. Errors: system_error.
Status raise_memory_lock(std::int64_t pid, std::uint64_t bytes);

} // namespace polyvirt::qemu
