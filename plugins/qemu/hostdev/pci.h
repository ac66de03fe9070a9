// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// PCI devices of this host for guests, through VFIO. A device that the document calls managed is taken from its driver, and
// goes back to it; any other has been given to vfio-pci by somebody else. All devices of an IOMMU group go together: none of
// them may be the host's while a guest has one.
//
// Workers: a driver may take its time to let go of a device.

#include <functional>
#include <string>
#include <vector>

#include "hostdev/held.h"
#include "hostdev/sysfs.h"
#include "sdk/domain/address.h"

namespace polyvirt::qemu {

// "0000:01:00.0"
std::string pci_name(const sdk::domain::HostAddress& address);

// Whether this host can give PCI devices to guests. `driver`: of the document, may be empty. `load` loads a module of the
// kernel. Errors: config_unsupported in the peer's words, and why.
Status check_vfio(const Sysfs& host, const std::string& driver, const std::function<void(const char* module)>& load);

// What the device is, and (managed) has; nothing is changed. Errors: system_error, there is none; internal_error, a bridge;
// operation_invalid, it is neither managed nor bound to vfio-pci; config_unsupported, it has no IOMMU group.
Result<HeldDevice> held_pci(const Sysfs& host, const sdk::domain::HostAddress& address, bool managed);

// The others of its IOMMU group. Errors: operation_invalid, the host uses one that is not of `names`; names it.
Status check_group(const Sysfs& host, const std::string& name, const std::vector<std::string>& names);
std::vector<std::string> others_of_group(const Sysfs& host, const std::string& name);

// To vfio-pci. Errors: system_error, internal_error; what was done of it is for give_pci_back() to undo.
Status bind_to_vfio(const Sysfs& host, const HeldDevice& device);
// Whatever of bind_to_vfio() was done, also nothing. Error: of the first step that failed; the others are tried all the same.
Status give_pci_back(const Sysfs& host, const HeldDevice& device);

} // namespace polyvirt::qemu
