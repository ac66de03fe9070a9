// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What /proc says of an emulator and its threads. Files that never wait; workers.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sdk/domain/interface.h"

namespace polyvirt::sdk {

// Of a process or a thread, from its `stat`.
struct ProcTimes {
    std::uint64_t user = 0, system = 0; // ns
    std::uint64_t resident_kib = 0;     // of the process
    std::int32_t processor = 0;         // where it ran last
};
// Nothing: it has gone.
std::optional<ProcTimes> process_times(std::int64_t pid);
std::optional<ProcTimes> thread_times(std::int64_t pid, std::int64_t tid);
std::optional<ProcTimes> parse_stat(std::string_view text);

// How long a thread has run and has waited for a processor, ns.
struct SchedTimes {
    std::uint64_t ran = 0, delayed = 0;
};
std::optional<SchedTimes> sched_times(std::int64_t pid, std::int64_t tid);
// How long it has waited for anything, ns; 0 where the kernel does not count that.
std::uint64_t wait_time(std::int64_t pid, std::int64_t tid);
// Whether it does (kernel.sched_schedstats); the file of a thread is long to make, and has nothing of it otherwise.
bool counts_waits();

struct NetCounters {
    std::uint64_t rx_bytes = 0, rx_packets = 0, rx_errs = 0, rx_drop = 0, tx_bytes = 0, tx_packets = 0, tx_errs = 0, tx_drop = 0;
};
// All interfaces of this network namespace, by name, as the host sees them.
std::map<std::string, NetCounters, std::less<>> net_counters();
std::map<std::string, NetCounters, std::less<>> parse_net_dev(std::string_view text);
// As the guest behind it sees them: what leaves a tap on the host's side is what the guest receives. A macvtap is the
// guest's own end.
NetCounters as_guest(const NetCounters& host, const domain::Interface& interface);

} // namespace polyvirt::sdk
