// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the kernel tells of this host, and the part of the capabilities document that says it: the same for every
// hypervisor. Pure but for read_host_facts().

#include <cstdint>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "sdk/cpu/x86_decode.h"
#include "sdk/xml/writer.h"

namespace polyvirt::sdk {

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
    sdk::cpu::X86Data processor;            // of another architecture: empty
    std::string microcode;                  // its version; empty: not known
    std::uint32_t address_bits = 0;         // of a physical address; 0: not known
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

// What drivers add to <host>.
struct HostOptions {
    bool processor = true;      // which model it is and what it has: for those that give guests one
    bool live_migration = true; // and over what
};
// The element <host>.
void format_host(xml::Writer& w, const HostFacts& host, const HostOptions& options = {});

} // namespace polyvirt::sdk
