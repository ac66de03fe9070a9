// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Leases as the server of addresses (dnsmasq) notes them: a line each, "EXPIRY MAC ADDRESS NAME CLIENT", and behind the
// line "duid ID" those of IPv6, whose second word is an association's number. "*" stands for nothing.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <polyvirt/services.h>

#include "base/result.h"
#include "sdk/network/network.h"

namespace polyvirt::network {

struct DhcpLease {
    std::int64_t expiry = 0; // seconds of the clock; 0: never
    std::optional<sdk::xml::Mac> mac;
    sdk::xml::IpAddress address;
    std::string iaid, host_name, client_id; // empty: none
};

// What is no lease is passed over.
std::vector<DhcpLease> parse_leases(std::string_view text, std::int64_t now);
// No file: none. Worker. Errors: system_error.
Result<std::vector<DhcpLease>> read_leases(const std::string& file);
// `network`: whose they are.
void add_lease(const plugin::Services& s, pv_records* to, const DhcpLease& lease, const sdk::network::Network& network);

} // namespace polyvirt::network
