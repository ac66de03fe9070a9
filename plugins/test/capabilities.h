// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The documents in which the imaginary host describes itself, and the processors that it knows by name.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace polyvirt::test {

std::string format_capabilities();
std::string format_domain_capabilities(std::string_view emulator, std::int32_t max_vcpus);
std::string format_sysinfo();

// Oldest first within each maker's.
std::span<const std::string_view> cpu_models();
bool is_cpu_model(std::string_view name);
// Its place in the list.
std::size_t cpu_model_age(std::string_view name);

} // namespace polyvirt::test
