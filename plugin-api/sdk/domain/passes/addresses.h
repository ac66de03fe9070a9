// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The steps of the pass `addresses`, one source per bus. For passes/ only.

#include "sdk/domain/passes.h"

namespace polyvirt::sdk::domain {

// Ports of channels, on the controllers that there are; one more where they are full.
// addresses_serial.cpp
void assign_virtio_serial(Domain& d);
// Ports of USB devices; hubs where they run out. Error: xml_error for a bus that no controller
// makes. addresses_usb.cpp
Status assign_usb(Domain& d);
// No two disks at one place, each behind a controller of its kind. addresses_drive.cpp
Status check_drives(Domain& d);
// Bridges and root ports as needed, then places for all. Errors: xml_error for an address of the
// document that cannot be, internal_error when no slot is left. addresses_pci.cpp
Status assign_pci(Domain& d);

// Where a document's order puts it: by index beside those of its type, the master of a USB
// controller before its companions; one without index behind the last of its type. The list moves
// in memory.
Controller& insert_controller(std::vector<Controller>& list, Controller controller);
// All of them: by index within a type, each type where its first stood.
void order_controllers(std::vector<Controller>& list);

} // namespace polyvirt::sdk::domain
