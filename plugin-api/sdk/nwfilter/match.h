// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the protocols of a rule match on: the table behind a rule's elements.

#include <span>
#include <string>
#include <string_view>

namespace polyvirt::sdk::nwfilter {

enum class Kind : unsigned char {
    mac,        // an address or mask of Ethernet
    ipv4,
    ipv4_mask,  // bits or netmask
    ipv6,
    ipv6_mask,
    number,     // from min to max, decimal or hexadecimal
    protocol_id, // of Ethernet: name or number
    arp_opcode, // name or number
    ip_protocol, // name or number
    boolean,
    text,       // up to max bytes
    states,     // NEW,ESTABLISHED ...
    tcp_flags,  // SYN,ACK/SYN
    ipset,
    ipset_flags,
};

struct MatchAttribute {
    const char* name;
    Kind kind;
    unsigned min = 0, max = 0;
};

// In the order printed. `protocol`: number in kProtocols.
std::span<const MatchAttribute* const> attributes_of(std::size_t protocol);

// Whether `value` may stand there. Variables ("$IP", "$A[@1]") may stand anywhere but in texts.
bool is_allowed(const MatchAttribute& attribute, std::string_view value);

} // namespace polyvirt::sdk::nwfilter
