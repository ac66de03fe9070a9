// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The network's bridge on this host: made with its addresses and routes, taken away again. Workers; needs
// CAP_NET_ADMIN.

#include "base/result.h"
#include "sdk/network/network.h"

namespace polyvirt::network {

// Nothing of this host's has these addresses already. Errors: internal_error that names who has.
Status check_routes(const sdk::network::Network& network);
// Made, with addresses, up; what it forwards is forwarded from here on. Errors: system_error.
Status make_bridge(const sdk::network::Network& network);
// Absent is success.
Status remove_bridge(const sdk::network::Network& network);
// Whether it is there and is this network's: of the name and the address of its document.
bool has_bridge(const sdk::network::Network& network);

} // namespace polyvirt::network
