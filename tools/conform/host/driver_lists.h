// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Lists of the plugin's own for host.driver/1, into which the imaginary driver (svc_driver.cpp) puts its answers: objects,
// where a kind is listed; otherwise nothing. [any], leaf, all of them.

#include <cstdint>

#include <polyvirt/abi/driver.h>

namespace polyvirt::conform {

pv_params* new_params(pv_host* host) noexcept;
pv_strings* new_strings(pv_host* host) noexcept;
pv_objs* new_objs(pv_host* host) noexcept;
pv_records* new_records(pv_host* host, std::uint32_t op) noexcept;
pv_groups* new_groups(pv_host* host) noexcept;

void free_params(pv_params* list) noexcept;
void free_strings(pv_strings* list) noexcept;
void free_objs(pv_objs* list) noexcept;
void free_records(pv_records* list) noexcept;
void free_groups(pv_groups* list) noexcept;

std::int32_t count_params(const pv_params* list) noexcept;
std::int32_t count_strings(const pv_strings* list) noexcept;
std::int32_t count_objs(const pv_objs* list) noexcept;
std::int32_t count_records(const pv_records* list) noexcept;
std::int32_t count_groups(const pv_groups* list) noexcept;

const pv_param* param_at(const pv_params* list, std::uint32_t index) noexcept;
const char* string_at(const pv_strings* list, std::uint32_t index) noexcept;
std::uint64_t obj_at(const pv_objs* list, std::uint32_t index) noexcept;
const void* record_at(const pv_records* list, std::uint32_t index) noexcept;
const pv_params* group_at(const pv_groups* list, std::uint32_t index, std::uint64_t* object) noexcept;

} // namespace polyvirt::conform
