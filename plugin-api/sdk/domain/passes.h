// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What is done to a parsed domain, one pass after the other. Each pass is idempotent, and none
// undoes what the user wrote: define, dump, define again gives the same document.

#include <functional>
#include <string>
#include <vector>

#include "sdk/domain/domain.h"

namespace polyvirt::sdk::domain {

// What a pass must know of the host and its emulators. The caller fills it from its capabilities.
struct HostContext {
    std::string arch = "x86_64"; // where the document names none
    std::string default_machine; // where the document names none: an alias or a canonical name
    // The emulator for an architecture; empty: there is none, and the domain is refused.
    std::function<std::string(std::string_view arch)> emulator;
    // "pc" -> "pc-i440fx-7.2"; names that are canonical come back as they are; empty: unknown.
    std::function<std::string(std::string_view arch, std::string_view machine)> canonical_machine;
    // The CPU model that the emulator takes for that machine if none is asked for; empty: none
    // named.
    std::function<std::string(std::string_view arch, std::string_view machine)> default_cpu;
    std::string nvram_folder; // for firmware variables of guests that name no file; empty: none are made
    // Makes the MAC of an interface without one; empty: 52:54:00 and three random bytes.
    std::function<xml::Mac()> new_mac;
};

// passes/defaults.cpp: uuid, memory, vcpu, machine, emulator, cpu, clock, life cycle, implicit
// controllers and devices, console and serial paired. Errors: config_unsupported, xml_error.
Status apply_defaults(Domain& domain, const HostContext& context);

// passes/validate.cpp: rules between elements, on what the user wrote. Errors as the rule says.
Status validate(const Domain& domain);
// passes/shape.cpp: what a schema would refuse and reading does not, for the VALIDATE flags. Error: xml_invalid_schema.
Status validate_shape(const Domain& domain);
// passes/neutral.cpp: the same for drivers whose machine has no board that we know: uuid, memory,
// vcpu, clock, life cycle, disks and their controllers, console and serial, displays, MACs. No
// device of its own, no emulator, no PCI. Takes `arch` and `new_mac` of the context.
Status apply_neutral_defaults(Domain& domain, const HostContext& context);

// passes/addresses.cpp: every device that needs an address and has none gets one, PCI, USB, drive,
// virtio-serial; what PCI needs (root ports, bridges) is added. Errors: xml_error for what collides
// or cannot be plugged in there, internal_error when no slot is left.
Status assign_addresses(Domain& domain);

// passes/aliases.cpp: names by which a running emulator knows its devices. For live guests.
void assign_aliases(Domain& domain);

// validation, defaults, addresses.
Status complete(Domain& domain, const HostContext& context);

// passes/strip.cpp
void drop_live_state(Domain& domain);
void drop_secrets(Domain& domain);
void drop_implied(Domain& domain);

// Devices that stand on a PCI bus, whatever their kind, for passes and drivers.
enum class Chipset : unsigned char { other, i440fx, q35 };
Chipset chipset_of(const Domain& domain);

} // namespace polyvirt::sdk::domain
