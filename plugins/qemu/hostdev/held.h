// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A device of this host that a guest has: what it is, and what is to be done when the guest has it no more. The status
// record of the guest keeps it from before the first change of the host until after the last.

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace polyvirt::qemu {

enum class HostKind : std::uint8_t { usb, pci, scsi, scsi_host, mdev };
inline constexpr const char* kHostKinds[] = {"usb", "pci", "scsi", "scsi_host", "mdev"};

struct HeldDevice {
    HostKind kind{};
    std::string name;      // "001:002", "0000:01:00.0", "2:0:0:1", "naa.5123456789abcde0", a uuid
    std::string alias;     // of the device in the guest
    bool shared = false;   // others who share may have it, too
    std::string node{};    // that the emulator opens; empty: none, or by a descriptor
    bool write = true;     // and writes to
    // A PCI device that is taken from the host, and goes back to what it had.
    bool managed = false;
    std::string driver{};  // empty: none
    std::string pinned{};  // its driver_override; empty: none
    // A virtual function of a network card: what the card is told of it, and was told before. Texts, as in documents.
    std::string card{}, function{}; // the card's link, the function's number; empty: no such device
    std::string mac{}, vlan{}, old_mac{}, old_vlan{};
    bool operator==(const HeldDevice&) const = default;
};

nlohmann::json to_json(const std::vector<HeldDevice>& devices);
// Errors: internal_error with what is wrong.
Result<std::vector<HeldDevice>> held_from_json(const nlohmann::json& list);

} // namespace polyvirt::qemu
