// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the emulator, or this host's, cannot give: told when a domain is defined, not when it is started.

#include "base/result.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

// A domain whose defaults are filled in. `spice_tls`: whether the settings have it. Errors: config_unsupported, invalid_arg. Any thread.
Status validate(const sdk::domain::Domain& domain, bool spice_tls);

} // namespace polyvirt::qemu
