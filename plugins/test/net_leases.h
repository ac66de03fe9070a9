// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The addresses that a network of the imaginary host has handed out: to each interface of a running domain that is on
// it, the address that its MAC is promised, or else the next free one of the ranges.

#include <string>
#include <vector>

#include "driver.h"
#include "sdk/network/network.h"

namespace polyvirt::test {

struct DhcpLease {
    std::string bridge;
    std::int64_t expiry; // seconds since 1970; 0: never
    unsigned prefix;
    sdk::xml::Mac mac;
    sdk::xml::IpAddress address;
    std::string host_name;
};

// In the order of the domains' names.
std::vector<DhcpLease> leases_of(const Driver& driver, const sdk::network::Network& network) PV_NO_LOCKS_HELD;

} // namespace polyvirt::test
