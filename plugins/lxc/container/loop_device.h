// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Loop devices: files as block devices. They go by themselves with the last that uses them.

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace polyvirt::lxc {

struct LoopDevice {
    std::string path;
    UniqueFd fd; // keeps it until it is mounted
};
// Worker. Errors: system_error.
Result<LoopDevice> attach_loop(const std::string& file, bool readonly);

} // namespace polyvirt::lxc
