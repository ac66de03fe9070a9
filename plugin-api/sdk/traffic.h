// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// How fast a network interface may be. The kernel's traffic control knows its host side, a tap, a pair's end or a
// bridge: what guests receive leaves there through a class of htb, what they send is policed on the way in. A macvtap is
// seen from the guest's side, so there it is the other way round.

#include <string>
#include <vector>

#include <polyvirt/services.h>

#include "base/result.h"
#include "base/sync.h"
#include "sdk/domain/interface.h"
#include "sdk/network/common.h"

namespace polyvirt::sdk {

// Arguments of tc, call by call, for a device without limits.
std::vector<std::vector<std::string>> traffic_commands(const std::string& dev, const network::Bandwidth& bandwidth);
// These limits instead of those that there are. Worker, start-up. Errors: internal_error with tc's words.
Status limit_traffic(const plugin::Services& s, const std::string& dev,
                     const network::Bandwidth& bandwidth) PV_NO_LOCKS_HELD;
// Those of a guest's interface, on its link.
Status limit_traffic(const plugin::Services& s, const domain::Interface& i) PV_NO_LOCKS_HELD;
// As that link sees them.
network::Bandwidth as_link(const domain::Interface& i);

} // namespace polyvirt::sdk
