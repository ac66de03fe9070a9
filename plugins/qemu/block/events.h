// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Events of the emulator about its storage. On the run's loop.

#include "monitor/monitor.h"

namespace polyvirt::qemu {

class Run;

void on_write_threshold(Run& run, const QmpEvent& event); // ops_size.cpp
void on_job_status(Run& run, const QmpEvent& event);      // job_events.cpp

} // namespace polyvirt::qemu
