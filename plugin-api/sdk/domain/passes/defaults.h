// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The steps of the pass `defaults`, one source per family. For passes/ only.

#include "sdk/domain/passes.h"

namespace polyvirt::sdk::domain {

bool is_x86(const Domain& d);

// Type, device, bus, driver of disks; collisions of targets. default_disks.cpp
Status default_disks(Domain& d);
// Serial and console are two names of one thing; targets and ports. default_chardevs.cpp
void default_chardevs(Domain& d);
// Graphics, video, input, audio, memballoon, watchdog, panic. default_devices.cpp
void default_small_devices(Domain& d);
// Ports and places where a display listens.
void default_graphics(Graphics& g);
// Controllers that devices need and machines have. default_controllers.cpp
Status default_controllers(Domain& d);

// Variables of UEFI firmware. default_firmware.cpp
void default_firmware(Domain& d, const HostContext& context);
// I/O threads, NUMA, schedulers. default_tuning.cpp
Status default_tuning(Domain& d);
// validate_shares.cpp
Status validate_shares(const Domain& d);
// validate.cpp; of a whole document: whoever attaches one that is there already is told so in other words. Error: config_unsupported.
Status check_filesystem_targets(const Domain& d);
// Every I/O thread has a number; those that the document does not number get the lowest free ones.
void number_iothreads(Domain& d);
// The audio backend of a domain that names none.
void default_audio(Domain& d);
// Sources of disks: ports, engines. default_sources.cpp
void default_sources(Domain& d);
// Devices of the host and those that few have. default_extras.cpp
void default_extras(Domain& d);
// SCSI devices of the host that the document puts nowhere. default_hostdevs.cpp
void default_hostdevs(Domain& d);
// Of the emulators' own range.
xml::Mac random_mac();

// Disks of one bus stand together, in the order of their targets, where the first of the bus stood.
void order_disks(std::vector<Disk>& disks);
// "sdc" -> 2; -1: no such name.
int disk_number(std::string_view dev);

} // namespace polyvirt::sdk::domain
