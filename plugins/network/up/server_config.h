// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What dnsmasq is told of a network: which addresses it hands out, which names it knows. A pure function of the
// document.

#include <string>

#include "base/result.h"
#include "sdk/network/network.h"

namespace polyvirt::network {

struct ServerFiles {
    std::string config, pid, leases; // paths
};

// Whether the network has somebody who answers for addresses and names.
bool wants_server(const sdk::network::Network& network);
// Errors: config_unsupported for what cannot stand in a line.
Result<std::string> server_config(const sdk::network::Network& network, const ServerFiles& files);

} // namespace polyvirt::network
