// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The kernel's small files, of the SDK.

#include "sdk/cgroup/files.h"

namespace polyvirt::qemu {
using sdk::read_file;
using sdk::write_file;
} // namespace polyvirt::qemu
