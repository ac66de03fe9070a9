// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Mediated devices: parts of a device of this host, made beforehand, each with a uuid and an IOMMU group of its own.

#include "hostdev/held.h"
#include "hostdev/sysfs.h"
#include "sdk/domain/hostdev.h"

namespace polyvirt::qemu {

// Errors in the peer's words: config_unsupported, no VFIO, or another model than the device's; device_missing.
Result<HeldDevice> held_mdev(const Sysfs& host, const sdk::domain::Hostdev& device);

} // namespace polyvirt::qemu
