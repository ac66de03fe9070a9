// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The plugin as the host sees it: entry and manifest come from Driver::kAbout, the tables from the methods.

#include "driver.h"

namespace polyvirt::network {

plugin::Claim Driver::probe(std::string_view uri, bool privileged) {
    const std::string instance = privileged ? "system" : "session";
    const std::string own = "network:///" + instance;
    if (uri != own) return {};
    return {.score = 100, .canonical = own, .instance = instance};
}

} // namespace polyvirt::network

PV_PLUGIN(polyvirt::network::Driver);
