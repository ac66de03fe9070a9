// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The steps of the pass `addresses` beside PCI. For passes/ only.

#include "sdk/domain/passes.h"

namespace polyvirt::sdk::domain {

// Ports of channels and virtio consoles.
void assign_virtio_serial(Domain& d);
// Ports of USB devices. Error: xml_error for a bus that no controller makes.
Status assign_usb(Domain& d);
// No two disks at one place, each behind a controller of its kind.
Status check_drives(Domain& d);

} // namespace polyvirt::sdk::domain
