// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The imaginary guest's own doings, as words: "poweroff", "panic", "io-error vda", "rtc-change 3600" ... They are spoken on
// its console, or given as a monitor command by a test that wants an event to happen. One table has them all.

#include <string>
#include <string_view>

#include "domains.h"

namespace polyvirt::test {

// Does what the line says; the text is what the guest answers. Takes the guest's lock. Error: no such word (the
// message lists them), wrong arguments, or the guest does not run.
Result<std::string> guest_command(Driver& driver, const GuestPtr& guest, std::string_view line) PV_NO_LOCKS_HELD;

} // namespace polyvirt::test
