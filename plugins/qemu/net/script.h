// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The administrator's scripts for the host's end of an interface of type ethernet: one when it is there, one when it goes. Each
// is given its name, runs as the daemon, and has as long as a hook. Workers.

#include <string>

#include <polyvirt/services.h>

#include "base/result.h"
#include "base/sync.h"
#include "sdk/domain/interface.h"

namespace polyvirt::qemu {

class Driver;

// Errors: internal_error with what the script said; system_error where it is no whole path; operation_timeout.
Status bring_up(Driver& driver, pv_call* call, const sdk::domain::Interface& i) PV_NO_LOCKS_HELD;
// What goes wrong is logged: it goes in any case.
void take_down(Driver& driver, const std::string& domain, const sdk::domain::Interface& i) PV_NO_LOCKS_HELD;

} // namespace polyvirt::qemu
