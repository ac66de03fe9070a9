// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Taps: the host's end of a guest's cable. Made by the daemon, in its own network namespace, and handed to the emulator
// as descriptors; gone with the last descriptor.

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sdk/domain/interface.h"

namespace polyvirt::qemu {

struct Tap {
    std::string name;          // "vnet0"
    std::vector<UniqueFd> fds; // one for each queue
};

// Whether the emulator reaches that interface through a tap, or through a macvtap (net/direct.h).
bool wants_tap(const sdk::domain::Interface& i);
// How many queues it has; one, unless the guest can use more.
std::size_t queues_of(const sdk::domain::Interface& i);
// Of a descriptor of a tap or macvtap, for TUNSETIFF: what the model of the card and its queues want.
short tap_flags(const sdk::domain::Interface& i);
// Made, up, and in its bridge. Worker; needs CAP_NET_ADMIN. Errors: system_error.
Result<Tap> open_tap(const sdk::domain::Interface& i);

} // namespace polyvirt::qemu
