// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What is written down of an attach before the emulator is asked for anything, so that a daemon that dies in the middle
// of it leaves no device that nobody knows of: its successor takes a device that has come into the document, and clears
// away the beginnings of one that has not.

#include <set>
#include <string>

#include "devices/live.h"

namespace polyvirt::qemu {

// For Guest::attaching: {"alias", "controllers", "xml" (the description as it will be), "undo": [{"command", "arguments"}]}.
Json attach_intent(const Domain& live, const AttachPlan& plan);
// Takes up what the last daemon had begun, if anything; `there`: the devices that the emulator has. With the guest's job.
sdk::Task<Status> finish_cut_attach(GuestPtr guest, RunPtr run, std::set<std::string> there);

} // namespace polyvirt::qemu
