// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// USB devices of this host: which one a <hostdev type='usb'> means, by vendor and product, by bus and device, or by both.

#include "hostdev/held.h"
#include "hostdev/sysfs.h"
#include "sdk/domain/hostdev.h"

namespace polyvirt::qemu {

// Fills in where it is. One that is not there is marked as missing where it isn't `required`. One that `moves` is looked for
// elsewhere if it isn't where the document has it: that may say where a guest had it before it was saved. Errors in the peer's words:
// internal_error, there is none; operation_failed, there are several; system_error, this host has no USB.
Status find_usb(const Sysfs& host, sdk::domain::Hostdev& device, bool required, bool moves);
// Of one that was found.
HeldDevice held_usb(const sdk::domain::Hostdev& device);

} // namespace polyvirt::qemu
