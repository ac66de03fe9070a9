// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The firmware images that packages and administrators announce for QEMU: files in JSON, one an image, as
// QEMU's docs/interop/firmware.json describes them. Reads files: a worker's thread.

#include <string>
#include <string_view>
#include <vector>

namespace polyvirt::qemu {

struct Firmware {
    struct Target {
        std::string arch;                  // as QEMU says it: "x86_64", "i386"
        std::vector<std::string> machines; // patterns with * and ?
    };
    std::string source;                  // the file that announces it
    std::vector<std::string> interfaces; // "uefi", "bios"
    std::string device;                  // "flash", "memory", "kernel"
    std::string executable, format;      // the image
    std::string nvram_template, nvram_format;
    std::vector<Target> targets;
    std::vector<std::string> features; // "requires-smm", "secure-boot"

    [[nodiscard]] bool suits(std::string_view arch, std::string_view machine) const;
    [[nodiscard]] bool has_interface(std::string_view name) const;
    [[nodiscard]] bool has_feature(std::string_view name) const;
};

// Where they are announced, the least important first: a file hides those of its name in folders before its
// own, and is no announcement itself when it is empty.
inline constexpr const char* kFirmwareFolders[] = {"/usr/share/qemu/firmware", "/etc/qemu/firmware"};

// All of them, in the order of the files' names, in which the first that suits is taken. What cannot be read is
// named in the log and left out.
std::vector<Firmware> read_firmware(const std::vector<std::string>& folders);

} // namespace polyvirt::qemu
