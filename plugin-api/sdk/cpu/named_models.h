// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Models of architectures where a model's name says all there is: POWER and ARM. Pure; any thread.

#include <optional>
#include <string_view>
#include <vector>

#include "sdk/cpu/description.h"

namespace polyvirt::sdk::cpu {

// Of any architecture, x86 included; nothing: none are known for it.
std::optional<std::vector<std::string_view>> model_names(std::string_view arch);

// The processor of all of them, which must be of one model. Errors: no_support for an architecture without
// known models; internal_error for an unknown model; operation_failed where they differ.
Result<domain::Cpu> named_baseline(std::string_view arch, const std::vector<Description>& cpus);

} // namespace polyvirt::sdk::cpu
