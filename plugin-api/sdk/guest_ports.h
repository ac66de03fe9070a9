// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Ports: what a guest's interfaces have on networks, for drivers of guests. The network's driver makes them, through
// the host (host.driver/1) as for a client; About::uses lists "network, network_port". An interface's port is named
// before it is made, so that whoever finds the description of a guest knows which ports are its own.
//
//     sdk::name_port(interface);               // and write the description down
//     PV_ASSIGN_OR_RETURN(const network::Port port, sdk::make_port(s, call, guest.name, guest.uuid, interface));
//     use(port.plug->bridge);
//     sdk::free_port(s, guest.name, interface);
//
// All but on_network(), name_port(), use_device() and refuse_virtual_port(): worker or start-up.

#include <functional>

#include <polyvirt/driver.h>

#include "base/uuid.h"
#include "sdk/domain/domain.h"
#include "sdk/network/port.h"

namespace polyvirt::sdk {

// Whether an interface is on a network, whatever that plugs it into.
bool on_network(const domain::Interface& i);
// Gives it a port's id, if it is on a network and has none.
void name_port(domain::Interface& i);
// The port as the network's driver has it, with what network and group add to the interface. Errors: no_network, and
// that driver's own.
Result<network::Port> make_port(const plugin::Services& s, pv_call* call, const std::string& name, const Uuid& guest,
                                const domain::Interface& i) PV_NO_LOCKS_HELD;
// A network that was stopped and is started again knows no port of before: the one of an interface that has a guest is made
// anew, by its own id and on the device that it is on; if it is there already, that is it. Errors: those of make_port().
Result<network::Port> regain_port(const plugin::Services& s, const std::string& name, const Uuid& guest,
                                  const domain::Interface& i) PV_NO_LOCKS_HELD;
// False: the port is not of a device of the host's. Else the interface is one of type direct from here on, on that device.
bool use_device(domain::Interface& i, const network::Port& port);
// Switches other than the kernel's own have their programs, which nobody calls. Errors: config_unsupported.
Status refuse_virtual_port(const std::optional<network::VirtualPort>& port);
// What is not there any more is no error; others go to the log.
void free_port(const plugin::Services& s, const std::string& guest, const domain::Interface& i) PV_NO_LOCKS_HELD;
// Ports of owners that `stray` says have no interface for them go; of other owners they stay.
void free_strays(const plugin::Services& s, const std::function<bool(const network::Port&)>& stray) PV_NO_LOCKS_HELD;

} // namespace polyvirt::sdk
