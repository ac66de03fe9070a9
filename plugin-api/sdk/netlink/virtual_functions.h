// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Virtual functions of a network card (SR-IOV): which MAC address and VLAN the card gives each. The card itself is told, not
// the function, which may be in a guest.
//
// Each call waits for the kernel's answer: workers alone. Needs CAP_NET_ADMIN for what changes something. Errors:
// system_error with the kernel's errno in int1.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sdk/xml/types.h"

namespace polyvirt::sdk {

struct FunctionSetup {
    std::optional<xml::Mac> mac;       // absent: not known, or as it is
    std::optional<std::uint32_t> vlan; // likewise; 0: none
    bool operator==(const FunctionSetup&) const = default;
};

// `card`: a link of this host.
Result<FunctionSetup> read_function(const std::string& card, std::uint32_t number);
Status set_function(const std::string& card, std::uint32_t number, const FunctionSetup& setup);

// Inside of these, for tests: the request, and what an answer says of one function; nothing: not of that one.
std::vector<std::byte> function_request(int card_index, std::uint32_t number, const FunctionSetup& setup);
std::optional<FunctionSetup> function_in(const std::vector<std::byte>& answer, std::uint32_t number);

} // namespace polyvirt::sdk
