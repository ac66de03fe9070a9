// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The end of a process that is nobody's child here: of a start that was cut off, of a helper that outlived its guest.

#include <cstdint>

namespace polyvirt::sdk {

// SIGKILL, and a bounded wait until it has gone. Start or worker.
void end_process(std::int64_t pid);

} // namespace polyvirt::sdk
