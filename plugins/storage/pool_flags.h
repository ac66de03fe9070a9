// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Flags of calls that start pools. pool_ops.cpp

#include <cstdint>

#include "base/result.h"

namespace polyvirt::storage {

// Errors: invalid_arg; `function` is the peer's.
Status check_create_flags(std::uint32_t flags, const char* function);
// What is to be built, of flags with which a pool is created.
std::uint32_t build_flags_of(std::uint32_t create_flags);

} // namespace polyvirt::storage
