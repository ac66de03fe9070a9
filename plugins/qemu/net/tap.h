// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Taps: the host's end of a guest's cable. Made by the daemon, in its own network namespace, and handed to the emulator
// as a descriptor; gone with the last descriptor.

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sdk/domain/interface.h"

namespace polyvirt::qemu {

struct Tap {
    std::string alias; // of the interface
    std::string name;  // "vnet0"
    UniqueFd fd;
};

// Whether the emulator reaches that interface through a tap.
bool wants_tap(const sdk::domain::Interface& i);
// Made, up, and in its bridge. Worker; needs CAP_NET_ADMIN. Errors: system_error.
Result<Tap> open_tap(const sdk::domain::Interface& i);

} // namespace polyvirt::qemu
