// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Where a container's interfaces end in the host: bridges, devices, and ports of networks, which the network driver
// gives. Workers alone: they wait for that driver.

#include <vector>

#include <polyvirt/services.h>
#include <polyvirt/subscription.h>

#include "base/result.h"
#include "base/sync.h"
#include "container/plan_of.h"
#include "sdk/domain/domain.h"

namespace polyvirt::lxc {

// What the host's end of an interface is called if nobody says so: a "vnetN" that is free.
Result<std::string> free_name();
// Resolves one interface.
Result<Link> take_link(const plugin::Services& s, pv_call* call, const sdk::domain::Domain& domain,
                       sdk::domain::Interface& i) PV_NO_LOCKS_HELD;
// Resolves every interface; those on networks have the names of their ports (sdk/guest_ports.h), which they get here.
// The names of the host's ends are in the document then. Errors: those of the network driver, no_network,
// config_unsupported, system_error.
Result<std::vector<Link>> take_links(const plugin::Services& s, pv_call* call,
                                     sdk::domain::Domain& domain) PV_NO_LOCKS_HELD;

class Driver;
// While the daemon runs: the containers on a network that was stopped are on it again when it is started. [init]
[[nodiscard]] plugin::Subscription follow_networks(Driver& driver);

} // namespace polyvirt::lxc
