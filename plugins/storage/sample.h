// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Figures of volumes grow old while guests write: who asks for them has the pool looked at again, at most every two
// seconds for all of its volumes at once, and waits for that no longer than a quarter of a second. A pool that takes
// longer is left alone for half a minute; then what was known is the answer.

#include <chrono>
#include <functional>

#include <polyvirt/abi/base.h>

#include "driver.h"

namespace polyvirt::storage {

inline constexpr std::chrono::seconds kSampleAge{2};

// Runs `answer`, whose status is the call's, now (its result is returned) or soon (PV_PENDING, and the call is completed).
pv_status when_sampled(Driver& driver, pv_call* call, const StorageVolumePtr& volume, std::function<pv_status()> answer);

} // namespace polyvirt::storage
