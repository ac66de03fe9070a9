// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What /proc says of processes and interfaces, of the SDK.

#include "sdk/host/proc.h"

namespace polyvirt::qemu {
using sdk::counts_waits;
using sdk::net_counters;
using sdk::NetCounters;
using sdk::parse_net_dev;
using sdk::parse_stat;
using sdk::process_times;
using sdk::ProcTimes;
using sdk::sched_times;
using sdk::SchedTimes;
using sdk::thread_times;
using sdk::wait_time;
} // namespace polyvirt::qemu
