// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A plan's interfaces.

#include "container/plan_of.h"

namespace polyvirt::lxc {

// Whether it has a network of its own; else it is in the host's, or in another's.
// Whether it leads to everything that no other route does.
bool is_default(const sdk::domain::InterfaceRoute& route);
bool own_network(const sdk::domain::Domain& domain);
Status plan_net(const sdk::domain::Domain& domain, const PlanContext& context, Plan& plan);

} // namespace polyvirt::lxc
