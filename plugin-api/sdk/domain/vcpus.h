// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The virtual processors of a document. It lists them one by one (<vcpus>), or only says how many of how many are on: then
// the first ones are.

#include <cstdint>

#include "base/result.h"
#include "sdk/domain/domain.h"

namespace polyvirt::sdk::domain {

std::uint32_t max_vcpus(const Domain& d);
std::uint32_t online_vcpus(const Domain& d);
bool is_online(const Domain& d, std::uint32_t vcpu);

// Switches on the lowest or off the highest ones until `count` are on, at most those there are. What is switched on here
// is there from the guest's start, but with `hotpluggable`. The order in which they were plugged in is forgotten.
void set_online_vcpus(Domain& d, std::uint32_t count, bool hotpluggable = false);
// How many there may be. Those beyond go; there is always one.
void set_max_vcpus(Domain& d, std::uint32_t count);
// One of them, which must be there; from then on each is listed, and this one is hotpluggable.
void set_vcpu_online(Domain& d, std::uint32_t vcpu, bool on);
// Lists each of them, if they are not.
void list_vcpus(Domain& d);

// Whether each of the set may be switched in a persistent description, in words of `from`. Errors: invalid_arg.
Status check_vcpu_switch(const Domain& d, const xml::CpuSet& set, ErrorDomain from);

} // namespace polyvirt::sdk::domain
