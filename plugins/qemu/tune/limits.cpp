// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tune/limits.h"

#include "run.h"

namespace polyvirt::qemu {

Limits limits_of(const Run& run) { return Limits(run.group()); }

} // namespace polyvirt::qemu
