// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The documents that tell clients what this host and its emulators can do. Pure: facts in, text out.

#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.h"
#include "capabilities/emulators.h"

namespace polyvirt::qemu {

struct HostCpu {
    std::uint32_t id = 0, socket = 0, die = 0, core = 0;
    std::string siblings; // "0-1"
};
struct HostFacts {
    Uuid uuid;
    std::string arch;
    std::string vendor; // "Intel", "AMD"; empty: not known
    std::uint32_t family = 0, model = 0, stepping = 0;
    std::uint64_t memory_kib = 0;
    std::vector<HostCpu> cpus;
    [[nodiscard]] std::uint32_t sockets() const;
    [[nodiscard]] std::uint32_t cores() const;   // of one socket
    [[nodiscard]] std::uint32_t threads() const; // of one core
};
// From /proc and /sys; what cannot be read stays empty. `uuid`: for hosts whose firmware names none.
HostFacts read_host_facts(const Uuid& uuid);

std::string format_capabilities(const HostFacts& host, const std::vector<EmulatorPtr>& emulators);
std::string format_domain_capabilities(const Emulator& emulator, const Machine& machine, std::string_view virt_type);

} // namespace polyvirt::qemu
