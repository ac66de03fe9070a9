// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The documents that tell clients what this host and its emulators can do. Pure: facts in, text out.

#include <string>
#include <string_view>
#include <vector>

#include "capabilities/emulators.h"
#include "sdk/host/host_facts.h"

namespace polyvirt::qemu {

using sdk::HostFacts;
using sdk::HostCpu;
using sdk::HostCache;
using sdk::read_host_facts;

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
