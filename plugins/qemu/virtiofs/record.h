// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// FsServer: the process that serves one of a guest's file systems, as it is written down.

#include <cstdint>
#include <string>

namespace polyvirt::qemu {

struct FsServer {
    std::string alias;            // of the file system
    std::int64_t pid = 0;
    std::uint64_t start_time = 0; // with the pid, tells it from a later process of that number
};

} // namespace polyvirt::qemu
