// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// This host's processor, as its own instruction tells of it.

#include "sdk/cpu/x86_decode.h"

namespace polyvirt::sdk {

// Empty on a host of another architecture. Model-specific registers are those that KVM tells of; without KVM
// their bits are not set. Opens /dev/kvm: a worker's thread.
sdk::cpu::X86Data read_processor();

} // namespace polyvirt::sdk
