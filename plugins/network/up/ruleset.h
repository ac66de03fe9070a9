// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the firewall lets through between networks and the rest of the world, as nft takes it: one table of our own,
// made anew as a whole in one transaction. A pure function of the active networks.

#include <string>
#include <vector>

#include "net.h"

namespace polyvirt::network {

inline constexpr const char* kTable = "polyvirt_network"; // of family inet

// Whether the firewall has rules for it.
bool wants_rules(const doc::Network& network);
// The table is removed where none of them wants rules.
std::string ruleset(const std::vector<Document>& networks);

} // namespace polyvirt::network
