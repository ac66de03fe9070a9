// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What a guest's interfaces on networks (sdk/guest_ports.h) are plugged into. All but name_ports(): worker or start-up.

#include <polyvirt/subscription.h>

#include "sdk/guest_ports.h"

namespace polyvirt::qemu {

class Driver;

void name_ports(sdk::domain::Domain& domain);
// Makes the interface's port; it shows what it is plugged into: type and bridge, and what else the network adds.
Status plug_interface(const plugin::Services& s, pv_call* call, const std::string& name, const Uuid& guest,
                      sdk::domain::Interface& i) PV_NO_LOCKS_HELD;
void free_ports(const plugin::Services& s, const sdk::domain::Domain& domain) PV_NO_LOCKS_HELD;
// After the daemon's restart: ports of guests that have no interface for them go; interfaces whose bridge was made anew
// are put into it. [init]
void reconcile_ports(Driver& driver) PV_NO_LOCKS_HELD;
// While the daemon runs: the guests on a network that was stopped are on it again when it is started. [init]
[[nodiscard]] plugin::Subscription follow_networks(Driver& driver);

} // namespace polyvirt::qemu
