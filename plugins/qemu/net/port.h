// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Ports: what a guest's interfaces have on networks of another driver, through the host as a client would. An
// interface's port is named before it is made, so that whoever finds the description of a guest knows which ports are
// its own. All but name_ports(): worker or start-up.

#include <polyvirt/driver.h>

#include "base/uuid.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

class Driver;

// Whether an interface is on a network, whatever that plugs it into.
bool on_network(const sdk::domain::Interface& i);
// Each of those gets a port's id, if it has none.
void name_port(sdk::domain::Interface& i);
void name_ports(sdk::domain::Domain& domain);
// Makes the named port, for a guest; the interface shows what it is plugged into: type and bridge. Errors: no_network,
// and the network driver's own.
Status make_port(const plugin::Services& s, pv_call* call, const std::string& name, const Uuid& guest,
                 sdk::domain::Interface& i) PV_NO_LOCKS_HELD;
// What is not there any more is no error; others go to the log.
void free_port(const plugin::Services& s, const std::string& guest, const sdk::domain::Interface& i) PV_NO_LOCKS_HELD;
void free_ports(const plugin::Services& s, const sdk::domain::Domain& domain) PV_NO_LOCKS_HELD;
// After the daemon's restart: ports of guests that have no interface for them go; interfaces whose bridge was made anew
// are put into it. [init]
void reconcile_ports(Driver& driver) PV_NO_LOCKS_HELD;

} // namespace polyvirt::qemu
