// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Where a container's interfaces end in the host: bridges, devices, and ports of networks, which the network driver
// gives. Workers alone: they wait for that driver.

#include <vector>

#include <polyvirt/services.h>

#include "base/result.h"
#include "base/sync.h"
#include "container/plan_of.h"
#include "container/status.h"
#include "sdk/domain/domain.h"

namespace polyvirt::lxc {

// Resolves every interface. What ports it takes is in `held`, also where it fails; names of the hosts' ends are in the
// document then. Errors: those of the network driver, no_network, config_unsupported, system_error.
Result<std::vector<Link>> take_links(const plugin::Services& s, pv_call* call, sdk::domain::Domain& domain,
                                     std::vector<HeldPort>& held) PV_NO_LOCKS_HELD;
// Gives ports back; what cannot be is logged.
void give_back(const plugin::Services& s, const std::vector<HeldPort>& held) PV_NO_LOCKS_HELD;

} // namespace polyvirt::lxc
