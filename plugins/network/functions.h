// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Devices that a network hands out to its ports whole: PCI functions. A <pf> stands for all virtual ones of a card,
// which are found when the network starts; its document keeps the <pf> alone. Reads the kernel's files, which do not
// wait.

#include <string>
#include <vector>

#include "base/result.h"
#include "sdk/network/network.h"

namespace polyvirt::network {

struct Functions {
    std::vector<sdk::network::ForwardAddress> addresses;   // mode hostdev
    std::vector<sdk::network::ForwardInterface> interfaces; // all others
};

// "0000:04:00.1"
std::string pci_name(const sdk::network::PciAddress& address);
// Mode hostdev: the document names devices by address, and they are virtual functions. Errors: config_unsupported.
Status check_functions(const sdk::network::Network& network, const std::string& sysfs = "/sys");
// Of its <pf>; without one, none. Errors: internal_error, the card has none.
Result<Functions> find_functions(const sdk::network::Network& network, const std::string& sysfs = "/sys");
// The network with these for its <pf>.
sdk::network::Network with_functions(const sdk::network::Network& network, const Functions& functions);

} // namespace polyvirt::network
