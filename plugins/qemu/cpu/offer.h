// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What an emulator offers of x86 processors, in the terms of sdk/cpu. Pure; any thread.

#include <optional>

#include "capabilities/emulators.h"
#include "sdk/cpu/x86_guest.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

// Whether a guest of that architecture has one of the processors that sdk/cpu knows.
bool is_x86(std::string_view arch);

// The richest processor that it gives a guest.
sdk::cpu::X86Data data_of(const CpuOffer& offer);
// Every feature that it has a name for, whether or not it can give it here.
sdk::cpu::FeatureSet known_to(const CpuOffer& offer);
// Its models, each with what keeps it from being usable.
sdk::cpu::X86Offers models_of(const CpuOffer& offer);

// The processor that mode host-model stands for: a model that this emulator has, and how the richest
// processor differs from it. Nothing: there is none.
std::optional<sdk::cpu::X86Choice> host_model(const CpuOffer& offer);

// What sdk::cpu::realize() wants to know: with it, a domain's <cpu> becomes what the emulator is asked for.
sdk::cpu::X86Hypervisor hypervisor_of(const CpuOffer& offer);

// The <cpu> of a domain that is about to run, or be shown as a command line. Where sdk/cpu knows nothing of
// the architecture it stays. Errors: as of realize().
Status realize_cpu(sdk::domain::Domain& domain, const Emulator& emulator);

} // namespace polyvirt::qemu
