// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The process that answers for a network's addresses and names (dnsmasq). It outlives the daemon; its pid stands in a
// file that it writes itself, so whenever the daemon ends, the next one finds it. Workers and start-up.

#include <optional>
#include <string>

#include <polyvirt/services.h>

#include "base/result.h"
#include "base/sync.h"
#include "up/server_config.h"

namespace polyvirt::network {

// Of a network that has that bridge.
ServerFiles server_files(const plugin::Services& s, const sdk::network::Network& network);
// What such a process notes of leases; of a network's whole life.
std::string lease_file(const plugin::Services& s, const Uuid& network);

// Its pid, if one of these files runs. 0: none.
std::int64_t server_pid(const ServerFiles& files);
// Ready to answer when this returns. Errors: internal_error with what it said.
Status start_server(const plugin::Services& s, pv_call* call, const sdk::network::Network& network) PV_NO_LOCKS_HELD;
// Ended and its files gone; absent is success.
void stop_server(const ServerFiles& files);

} // namespace polyvirt::network
