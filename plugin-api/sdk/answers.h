// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What every op says in the same way.

#include <cstdint>
#include <string_view>

#include <polyvirt/services.h>

#include "base/result.h"

namespace polyvirt::sdk {

// In the peer's words; `function` is its name for the call. Error: invalid_arg.
[[nodiscard]] Status check_flags(std::uint32_t flags, std::uint32_t known, const char* function, ErrorDomain domain);
// Writes a whole answer; too long for the reply is an error.
[[nodiscard]] pv_status give(const plugin::Services& s, pv_call* call, pv_sink* sink, std::string_view text, ErrorDomain domain);

} // namespace polyvirt::sdk
