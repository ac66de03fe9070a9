// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A TPM of the host's that a guest has as its own: opened by the daemon, so that it stays its owner's. The kernel gives it to one at
// a time.

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

struct TpmDevice {
    UniqueFd device, cancel; // invalid: the domain has none
};
// Worker. Errors: system_error: it is not there, somebody else has it.
Result<TpmDevice> open_tpm_device(const sdk::domain::Domain& domain);

} // namespace polyvirt::qemu
