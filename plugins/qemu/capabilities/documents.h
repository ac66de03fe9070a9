// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The documents that tell clients what this host and its emulators can do. Pure: facts in, text out.

#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.h"
#include "capabilities/emulators.h"
#include "sdk/cpu/x86_decode.h"

namespace polyvirt::qemu {

struct HostCpu {
    std::uint32_t id = 0, socket = 0, die = 0, core = 0;
    std::string siblings; // "0-1"
};
// One cache that processors share, of level 3 or more.
struct HostCache {
    std::uint32_t id = 0, level = 0;
    std::string type; // "both", "data", "code"
    std::uint64_t size_kib = 0;
    std::string cpus; // "0-3"
};
struct HostFacts {
    Uuid uuid;
    std::string arch;
    sdk::cpu::X86Data processor; // of another architecture: empty
    std::string microcode;       // its version; empty: not known
    std::uint32_t address_bits = 0; // of a physical address; 0: not known
    std::vector<std::uint64_t> page_kib{4}; // sizes of memory pages, ascending
    std::uint64_t memory_kib = 0;
    std::vector<HostCpu> cpus;
    std::vector<HostCache> caches;
    std::string dac_label; // of emulators; empty: they run as the daemon
    [[nodiscard]] std::uint32_t sockets() const;
    [[nodiscard]] std::uint32_t cores() const;   // of one socket
    [[nodiscard]] std::uint32_t threads() const; // of one core
};
// From /proc, /sys and the processor; what cannot be read stays empty. `uuid`: for hosts whose firmware names none.
HostFacts read_host_facts(const Uuid& uuid);

std::string format_capabilities(const HostFacts& host, const std::vector<EmulatorPtr>& emulators);

// What the host adds to what an emulator can do.
struct HostOffer {
    std::vector<std::string> interfaces; // kinds of firmware that can be selected: "efi", "bios"
    std::vector<std::string> loaders;    // images
    bool secure_loader = false;          // whether one of them wants SMM
    bool swtpm = false;                  // the TPM emulator is installed
    bool vfio = false;                   // devices can be handed to guests
};
// Reads files and folders.
HostOffer read_host_offer(std::string_view arch, std::string_view machine);
std::string format_domain_capabilities(const Emulator& emulator, const Machine& machine, std::string_view virt_type,
                                       const HostOffer& host);

} // namespace polyvirt::qemu
