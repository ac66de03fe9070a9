// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// follow_networks(): for drivers of guests. A network that is stopped takes its bridge and its ports with it; when it is
// started again, the guests that still run have theirs back at once. By the network driver's notices (host.driver/1).
//
//     networks_ = sdk::follow_networks(s_, loop_, [this](const std::string& network) { return interfaces_on(network); });

#include <functional>
#include <string>
#include <vector>

#include <polyvirt/subscription.h>

#include "base/uuid.h"
#include "sdk/domain/interface.h"

namespace polyvirt::sdk {

// An interface of a guest that runs, on a network, with its link (`target`, where it is in the host).
struct Plugged {
    std::string guest;
    Uuid uuid;
    domain::Interface interface;
    // Notes the bridge in the guest's live description. False: guest or interface have gone meanwhile. Worker, no lock held.
    std::function<bool(const std::string& bridge)> keep;
};
// Those on a network; empty: on any. Worker, no lock held.
using PluggedOn = std::function<std::vector<Plugged>(const std::string& network)>;

// Whether an interface is one of those.
[[nodiscard]] bool is_plugged_on(const domain::Interface& i, const std::string& network);
// [init] Null with a host that has no notices. `s` and what `interfaces` uses outlive the driver's stop().
[[nodiscard]] plugin::Subscription follow_networks(const plugin::Services& s, const plugin::Loop& loop, PluggedOn interfaces);
// Puts the link of an interface into its bridge, if it is in none. Errors are logged. Worker.
void plug(const std::string& guest, const domain::Interface& i, const std::string& bridge);

} // namespace polyvirt::sdk
