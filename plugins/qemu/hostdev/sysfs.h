// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Sysfs: what the kernel's files say of this host's devices, and what they are told; all of it goes through here. Paths
// begin with a slash and are taken below a root, which tests put elsewhere, with a write() that does what a kernel would.
//
// Any thread. A write can wait for as long as a driver takes to let go of a device: not on a loop.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace polyvirt::qemu {

class Sysfs {
  public:
    explicit Sysfs(std::string root = {}) : root_(std::move(root)) {}
    virtual ~Sysfs() = default;
    Sysfs(const Sysfs&) = delete;
    Sysfs& operator=(const Sysfs&) = delete;

    [[nodiscard]] bool exists(const std::string& path) const;
    // Without its last newline; empty: there is none, or it is empty.
    [[nodiscard]] std::string text(const std::string& path) const;
    // Of a file that holds one; hexadecimal with or without 0x, decimal otherwise. None: no such file, or no number.
    [[nodiscard]] std::optional<std::uint32_t> number(const std::string& path, int base) const;
    // Of a folder, sorted. Errors: system_error in the peer's words.
    [[nodiscard]] Result<std::vector<std::string>> names(const std::string& folder) const;
    // The last part of where a link leads; empty: there is no such link.
    [[nodiscard]] std::string target(const std::string& link) const;
    // Errors: system_error.
    [[nodiscard]] virtual Status write(const std::string& path, std::string_view value) const;

  protected:
    [[nodiscard]] std::string at(const std::string& path) const { return root_ + path; }

  private:
    const std::string root_;
};

} // namespace polyvirt::qemu
