// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What a network gives a port: where it is plugged in, and what the port doesn't say itself but its group or the
// network do.

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "sdk/network/network.h"
#include "sdk/network/port.h"

namespace polyvirt::network {

// How many ports there are on each of the network's devices: by the names of links and of PCI functions.
using Uses = std::map<std::string, std::uint32_t>;

// Fills it in. `reclaim`: a guest has the device that the port names, from before the network was started, and keeps it.
// Errors: internal_error and config_unsupported, in the peer's words.
Status allocate(sdk::network::Port& port, const sdk::network::Network& network, const Uses& uses, bool reclaim = false);

} // namespace polyvirt::network
