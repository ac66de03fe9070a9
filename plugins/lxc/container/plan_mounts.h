// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A plan's file systems.

#include <string>
#include <string_view>

#include "container/plan_of.h"

namespace polyvirt::lxc {

// A path as a field of fstab(5).
std::string escape_mount(std::string_view path);
Status plan_mounts(const sdk::domain::Domain& domain, const PlanContext& context, Plan& plan);

} // namespace polyvirt::lxc
