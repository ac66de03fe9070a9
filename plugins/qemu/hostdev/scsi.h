// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// SCSI devices of this host: <hostdev type='scsi'> by adapter, bus, target and unit; <hostdev type='scsi_host'>, targets of
// the kernel's that guests reach through vhost-scsi.

#include <string>

#include "hostdev/held.h"
#include "hostdev/sysfs.h"
#include "sdk/domain/hostdev.h"

namespace polyvirt::qemu {

inline constexpr const char* kVhostScsi = "/dev/vhost-scsi";

// Whether the emulator reaches it by a network of its own.
inline bool is_iscsi(const sdk::domain::Hostdev& device) { return device.source.protocol == "iscsi"; }
// "/dev/sg3". Errors: system_error, the host has none there; internal_error, its adapter is no adapter.
Result<std::string> scsi_node(const Sysfs& host, const sdk::domain::Hostdev& device);
// Errors: those of scsi_node().
Result<HeldDevice> held_scsi(const Sysfs& host, const sdk::domain::Hostdev& device);
// Errors: config_unsupported, this host has no vhost-scsi; xml_error, its wwpn is none.
Result<HeldDevice> held_scsi_host(const Sysfs& host, const sdk::domain::Hostdev& device);

} // namespace polyvirt::qemu
