// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A change of one part of a network, as clients ask for it: section, command and a small document.

#include "sdk/network/network.h"

namespace polyvirt::sdk::network {

// The wire's numbers.
enum class UpdateCommand : std::uint8_t {
    none = 0,
    modify = 1,
    remove = 2,
    add_last = 3,
    add_first = 4
};
enum class UpdateSection : std::uint8_t {
    none = 0,
    bridge = 1,
    domain = 2,
    ip = 3,
    ip_dhcp_host = 4,
    ip_dhcp_range = 5,
    forward = 6,
    forward_interface = 7,
    forward_pf = 8,
    portgroup = 9,
    dns_host = 10,
    dns_txt = 11,
    dns_srv = 12
};

struct Update {
    UpdateCommand command{};
    UpdateSection section{};
    int parent_index = -1; // which <ip>, of those that can be meant; -1: the first that fits
    std::string_view text;
};

// Changes `network`, or leaves it as it is and says why not. Errors: xml_error, operation_invalid, and
// no_support for sections that cannot be changed in place.
Status update_network(Network& network, const Update& update);

} // namespace polyvirt::sdk::network
