// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What an emulator is asked. Each waits for the answers; throws what nlohmann throws for an answer of
// another form than the emulator's documentation says.

#include "capabilities/emulators.h"
#include "capabilities/questions.h"

namespace polyvirt::qemu {

// All but the processors. Errors: internal_error, where something does not answer that every emulator has.
Status interview(Questions& q, Emulator& e);
// The processors of the accelerator that the emulator was started with. An emulator of an architecture that
// has no such questions leaves the offer empty.
void interview_cpus(Questions& q, bool kvm, CpuOffer& offer);

} // namespace polyvirt::qemu
