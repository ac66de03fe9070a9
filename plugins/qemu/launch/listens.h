// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Graphics that listen on a network: at the host's own address there, which is found when the guest starts and stands in the live
// description. Workers.

#include <polyvirt/services.h>

#include "base/result.h"
#include "base/sync.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

// `call`: for whom; null: for the host itself. Errors: no_network; config_unsupported for one that is not active;
// internal_error where the host has no address on it.
Status find_listens(const plugin::Services& s, pv_call* call, sdk::domain::Domain& domain) PV_NO_LOCKS_HELD;

} // namespace polyvirt::qemu
