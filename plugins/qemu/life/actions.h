// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What happens to a guest that powers off, reboots or crashes: which of the document's words this driver knows.

#include "base/result.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

// Errors: config_unsupported, in the peer's words.
Status check_actions(const sdk::domain::Domain& domain);

} // namespace polyvirt::qemu
