// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A run's displays: where the emulator listens, who may come in, who comes and goes. On the run's loop.

#include <cstdint>
#include <memory>

#include "monitor/monitor.h"
#include "sdk/task.h"

namespace polyvirt::qemu {

class Run;
using RunPtr = std::shared_ptr<Run>;

// In the start of a guest, before its first instruction. Errors: the emulator's, and a password's time that is none.
sdk::Task<Status> prepare_displays(RunPtr run);
// VNC_CONNECTED and its like; `phase`: PV_DOMAIN_EVENT_GRAPHICS_*.
void on_viewer(const Run& run, const QmpEvent& event, std::int32_t phase);

} // namespace polyvirt::qemu
