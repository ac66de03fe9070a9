// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What is done to a container's document after reading it. Pure.

#include "base/result.h"
#include "sdk/domain/domain.h"

namespace polyvirt::lxc {

// The program that documents name as the emulator of containers, on every host. It decides nothing: what runs them is
// polyvirt-lxc.
inline constexpr const char* kEmulator = "/usr/lib/libvirt/libvirt_lxc";

// It is a container's. Errors: config_unsupported, os_type.
Status check_type(const sdk::domain::Domain& domain);
// Rules between elements, and what a reader adds. Idempotent.
Status complete(sdk::domain::Domain& domain);

} // namespace polyvirt::lxc
