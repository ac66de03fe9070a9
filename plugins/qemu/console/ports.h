// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// TCP ports of displays whose emulator does not look for a free one itself (SPICE): found and kept for a guest from its
// start to its end, by all drivers of this process, as they share the host's ports.

#include "guest.h"

namespace polyvirt::qemu {

class Driver;

// Before the emulator starts: into the live description. Worker. Error: internal_error where none is free.
Status take_ports(const Driver& driver, Guest& guest) PV_NO_LOCKS_HELD;
// Those that a guest of an earlier daemon has.
void keep_ports(const Domain& live);
// At its end.
void give_ports(const Domain& live);

} // namespace polyvirt::qemu
