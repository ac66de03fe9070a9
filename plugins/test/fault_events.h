// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The declared faults that come by themselves once a domain runs: event storms, and the loss of what it is controlled
// with. Timers on the driver's loop, kept with the guest and gone with its run.

#include <string_view>

#include "domains.h"

namespace polyvirt::test {

// The guest has begun to run, or its declarations have changed: its timers begin anew.
void begin_fault_events(Driver& driver, Guest& guest) PV_REQUIRES(guest.mu);
// It has stopped.
void end_fault_events(Driver& driver, Guest& guest) PV_REQUIRES(guest.mu);

// Why a storm cannot be made of `event`; empty if it can.
std::string complain_of_storm(std::string_view event);

} // namespace polyvirt::test
