// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// When scripts of the administrator are called for a guest (sdk/hooks.h has how): prepare, start, started, stopped,
// release, restore, reconnect.

#include <memory>
#include <string>

#include "base/result.h"
#include "base/sync.h"
#include "sdk/domain/domain.h"
#include "sdk/task.h"

namespace polyvirt::qemu {

class Driver;
class Run;

// Whether there is any script: usually not. A few system calls, from anywhere.
[[nodiscard]] bool has_hooks(Driver& driver);
// [worker] `domain`: as it stands. Errors, hook_script_failed: a script says no, or does not end.
[[nodiscard]] Status call_hook(Driver& driver, const sdk::domain::Domain& domain, const char* operation, const char* phase) PV_NO_LOCKS_HELD;
// [worker] Where nothing can be done about what a script says.
void call_end_hook(Driver& driver, const sdk::domain::Domain& domain, const char* operation) PV_NO_LOCKS_HELD;
// The same for a run's guest, from wherever it is; goes on on a worker.
[[nodiscard]] sdk::Task<Status> call_hook_of(std::shared_ptr<Run> run, const char* operation);
// [worker] What is to be restored of a saved description: a script may replace it.
[[nodiscard]] Result<std::string> restore_hook(Driver& driver, std::string xml) PV_NO_LOCKS_HELD;

} // namespace polyvirt::qemu
