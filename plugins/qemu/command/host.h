// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What of this host decides about a command line. Read when a guest starts, as mounts and devices come and go.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sdk/domain/hostdev.h"

namespace polyvirt::qemu {

struct HostResources {
    struct HugePages {
        std::string mount;
        std::uint64_t kib = 0; // of a page
    };
    std::vector<HugePages> huge_pages;
    std::vector<std::uint32_t> nodes;      // NUMA, those with memory
    std::vector<std::string> render_nodes; // of GPUs, the first is taken where none is named
    bool numad = false;
    std::function<bool(const std::string& path)> exists; // a device file
    std::function<Result<std::string>(const sdk::domain::Hostdev& device)> scsi_node; // "/dev/sg3"
};

// Worker: reads files below /proc, /sys and /dev.
HostResources host_resources();

} // namespace polyvirt::qemu
