// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A guest's memory into a file, without a client that asked for it: after a crash, or when a watchdog says so.

#include "base/result.h"
#include "run.h"
#include "sdk/task.h"

namespace polyvirt::qemu {

// To NAME-DATE in the configured folder, which is made. Goes on on the run's loop or a worker.
sdk::Task<Status> dump_core(std::shared_ptr<Run> run);

} // namespace polyvirt::qemu
