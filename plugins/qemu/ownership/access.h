// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Whether an emulator's user may reach and use a file, and if not, what of the path refuses it: found by walking it as the
// kernel does, before the emulator is started, whose own "Permission denied" names no reason.

#include <cstdint>
#include <optional>
#include <string>

#include <sys/stat.h>

#include "base/result.h"
#include "ownership/identity.h"

namespace polyvirt::qemu {

inline constexpr unsigned kSearch = 1, kWrite = 2, kRead = 4; // as the bits of a mode

struct Refusal {
    std::string component; // the folder or file that refuses, by its own path
    std::string right;     // "search", "read", "write", "read and write"
    std::string layer;     // "mode 0700 of root:root", "ACL entry user:qemu:---"
    std::string fix;       // what would let it through
    bool last = false;     // the file itself, not a folder on the way
};

// Walks `path` as `who`, who has no capabilities. No refusal: nothing stands in the way. Errors: system_error where a
// component is not there or cannot be looked at.
Result<std::optional<Refusal>> find_refusal(const Identity& who, const std::string& path, unsigned rights);

// The peer's words, and then ours.
Error refused(const Identity& who, const std::string& path, const Refusal& refusal);

// Inside of it, for tests. `acl`: as in system.posix_acl_access; empty: none. The reason, or nothing.
std::optional<std::string> refuses(const Identity& who, const struct stat& st, const std::string& acl, unsigned rights);

} // namespace polyvirt::qemu
