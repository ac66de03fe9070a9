// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The machine's processors and memory modules from its SMBIOS table (DMTF DSP0134), in the words that clients
// know: those of dmidecode, which libvirtd runs for them. Firmware writes the table, so nothing in it is
// trusted: what does not fit ends the reading, and what was read until then is told. Pure functions.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace polyvirt::dispatch {

// Bytes of a table that are read at most, and sections that are told of each kind.
inline constexpr std::size_t kSmbiosBytes = std::size_t{1} << 20;
inline constexpr std::size_t kSmbiosSections = 1024;

struct SmbiosSection {
    const char* name; // "processor" or "memory_device"
    std::vector<std::pair<const char*, std::string>> entries;
};

// Processors first, each kind in the table's order. Sockets without a module are left out, and so are texts
// that the firmware does not give.
std::vector<SmbiosSection> smbios_devices(std::string_view table);

} // namespace polyvirt::dispatch
