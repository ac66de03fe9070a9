// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A plan's interfaces.

#include "container/plan_of.h"

namespace polyvirt::lxc {

Status plan_net(const sdk::domain::Domain& domain, const PlanContext& context, Plan& plan);

} // namespace polyvirt::lxc
