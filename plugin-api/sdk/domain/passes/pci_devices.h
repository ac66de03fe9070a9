// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Which devices of a domain stand on a PCI bus, and what each needs there. For passes/ only.

#include <vector>

#include "sdk/domain/passes/pci.h"

namespace polyvirt::sdk::domain {

struct PciDevice {
    DeviceInfo* info; // of the domain, whose lists must not change meanwhile
    PciNeed need;
    const char* who;
    // A part of an ICH9 USB controller: its function in the slot that all parts of this index
    // share.
    Number function, group;
};

// All of them, in the order in which addresses are given out: the same document always gets the
// same addresses.
std::vector<PciDevice> pci_devices(Domain& d, Chipset chipset);

// It has an address, or one of another kind, and needs none here.
bool is_placed(const DeviceInfo& info);

} // namespace polyvirt::sdk::domain
