// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Which of the host's processors run what of a guest: <vcpupin>, <emulatorpin>, <iothreadpin>, and the cpuset of <vcpu>
// where they say nothing. An empty set: all of them.

#include <cstdint>
#include <functional>

#include "sdk/domain/domain.h"

namespace polyvirt::sdk::domain {

xml::CpuSet vcpu_pin(const Domain& d, std::uint32_t vcpu);
xml::CpuSet emulator_pin(const Domain& d);
xml::CpuSet iothread_pin(const Domain& d, std::uint32_t id);
void set_vcpu_pin(Domain& d, std::uint32_t vcpu, const xml::CpuSet& set);
void set_emulator_pin(Domain& d, const xml::CpuSet& set);
void set_iothread_pin(Domain& d, std::uint32_t id, const xml::CpuSet& set);

// Changes <cputune>, which goes when nothing is left in it.
Status edit_cputune(Domain& d, const std::function<Status(Cputune&)>& edit);

const IoThread* find_iothread(const Domain& d, std::uint32_t id);
IoThread* find_iothread(Domain& d, std::uint32_t id);
// <iothreads> is how many there are.
void add_iothread(Domain& d, std::uint32_t id);
// With what is said of it elsewhere.
void del_iothread(Domain& d, std::uint32_t id);

} // namespace polyvirt::sdk::domain
