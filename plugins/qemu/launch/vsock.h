// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The addresses (CIDs) of guests among the host's vsocks. A descriptor of /dev/vhost-vsock has one; the emulator gets it,
// and the address is free again when the last copy of it is closed.

#include "base/result.h"
#include "base/unique_fd.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

// An open descriptor that has the address which the device asks for, or the first free one, which the device has
// afterwards. Worker. Errors: config_unsupported where the kernel has no vhost_vsock;
// system_error where somebody else has the address.
Result<UniqueFd> take_cid(sdk::domain::Vsock& vsock);

} // namespace polyvirt::qemu
