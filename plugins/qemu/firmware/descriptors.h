// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What firmware there is on this host: the emulator's firmware descriptors (docs/interop/firmware.json of
// QEMU), a file for each. Any thread; read_descriptors() reads files.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace polyvirt::qemu {

struct Descriptor {
    struct File {
        std::string path, format;
        [[nodiscard]] bool empty() const { return path.empty(); }
    };
    struct Target {
        std::string arch;
        std::vector<std::string> machines; // patterns
    };
    std::string name;                 // its file's
    std::set<std::string> interfaces; // uefi, bios ...
    std::string device;               // flash, memory, kernel
    std::string mode;                 // of flash: split, combined, stateless
    File executable, nvram_template;
    std::vector<Target> targets;
    std::set<std::string> features; // secure-boot, requires-smm ...

    [[nodiscard]] bool has(const char* feature) const { return features.contains(feature); }
    [[nodiscard]] bool runs_on(std::string_view arch, const std::string& machine) const;
};

// Error: internal_error says what of the file is not as it should be.
Result<Descriptor> parse_descriptor(std::string_view text, const std::string& name);

// In the order in which they are tried (launch/interop.h). A file that cannot be used is named in the log and left out.
std::vector<Descriptor> read_descriptors(const std::vector<std::string>& folders);

// The distribution's, then the administrator's.
std::vector<std::string> descriptor_folders();

} // namespace polyvirt::qemu
