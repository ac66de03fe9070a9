// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What has been done to a running guest that whoever looks into its troubles should know of.

#include <cstdint>
#include <string>
#include <vector>

#include "guest.h"

namespace polyvirt::qemu {

class Run;

enum class Taint : std::uint8_t { custom_monitor, custom_ga_command };

// Marks the guest. True: for the first time, which its log tells, and its status record is to be saved. Worker.
[[nodiscard]] bool taint(const Run& run, Taint what) PV_NO_LOCKS_HELD;
// What clients are told, and what the record has; one a kind.
std::vector<std::string> taint_messages(std::uint32_t taints);
std::vector<std::string> taint_names(std::uint32_t taints);
std::uint32_t taints_of(const std::vector<std::string>& names);

} // namespace polyvirt::qemu
