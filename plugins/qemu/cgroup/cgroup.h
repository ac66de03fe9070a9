// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The SDK's control groups, under the name that this driver knows them by.

#include "sdk/cgroup/cgroup.h"

namespace polyvirt::qemu {
namespace cgroup = sdk::cgroup;
} // namespace polyvirt::qemu
