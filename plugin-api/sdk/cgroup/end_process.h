// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The end of a process that is nobody's child here: of a start that was cut off, of a helper that outlived its object.

#include <cstdint>

namespace polyvirt::sdk {

// SIGTERM, if it is given that many milliseconds to end by itself; then SIGKILL, and a bounded wait until it has gone.
// Start or worker.
void end_process(std::int64_t pid, int patience_ms = 0);

// Field 22 of /proc/PID/stat: with the pid, tells it from a later process of that number. 0: it has gone.
std::uint64_t process_start_time(std::int64_t pid);

} // namespace polyvirt::sdk
