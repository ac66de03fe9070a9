// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What a guest's interfaces are on the host: ports of networks (sdk/guest_ports.h), taps, macvtaps. All but name_ports():
// worker or start-up.

#include <polyvirt/subscription.h>

#include "guest.h"
#include "net/tap.h"
#include "sdk/guest_ports.h"

namespace polyvirt::qemu {

class Driver;

void name_ports(sdk::domain::Domain& domain);
// Makes all of it; the interface shows what it is plugged into and what its link is called. The guest runs or is about to.
// Where it fails, unplug_interface() or the guest's end clears up.
Result<Tap> plug_interface(Driver& driver, const GuestPtr& guest, sdk::domain::Interface& i, pv_call* call) PV_NO_LOCKS_HELD;
// What outlives the emulator's descriptors goes; what is not there is no error, others go to the log.
void unplug_interface(Driver& driver, const GuestPtr& guest, const sdk::domain::Interface& i) PV_NO_LOCKS_HELD;
void free_ports(const plugin::Services& s, const sdk::domain::Domain& domain) PV_NO_LOCKS_HELD;
// Macvtaps of a guest that has ended; errors are logged.
void remove_links(const std::string& guest, const std::vector<DirectLink>& links);
// After the daemon's restart: those that no interface is on go (one was being plugged in or taken out when the daemon died), the
// others are up or down as their guest is.
void reconcile_links(Driver& driver, const GuestPtr& guest) PV_NO_LOCKS_HELD;
// The guest's processors run, or stand still. Any thread.
void show_links(const Driver& driver, const GuestPtr& guest, bool run) PV_NO_LOCKS_HELD;
// After the daemon's restart: ports of guests that have no interface for them go; interfaces whose bridge was made anew
// are put into it. [init]
void reconcile_ports(Driver& driver) PV_NO_LOCKS_HELD;
// While the daemon runs: the guests on a network that was stopped are on it again when it is started. [init]
[[nodiscard]] plugin::Subscription follow_networks(Driver& driver);

} // namespace polyvirt::qemu
