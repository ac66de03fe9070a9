// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The SDK's remove_tree(), for folders that emulators owned.

#include "sdk/host/remove_tree.h"

namespace polyvirt::qemu {
using sdk::remove_tree;
} // namespace polyvirt::qemu
