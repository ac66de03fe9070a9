// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Where log lines go: stderr, through spdlog, one line each with time, level, thread and category.

namespace polyvirt::daemon {

// Before any thread starts.
void start_logging(bool verbose);

} // namespace polyvirt::daemon
