// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The SDK's limits, of a running guest.

#include "cgroup/cgroup.h"
#include "sdk/cgroup/limits.h"

namespace polyvirt::qemu {

using sdk::CpuBandwidth;
using sdk::CpuTimes;
using sdk::Limits;
using sdk::Within;
class Run;

// Empty: it is in no group of its own.
Limits limits_of(const Run& run);

} // namespace polyvirt::qemu
