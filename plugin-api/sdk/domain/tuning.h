// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What a guest may use of its host: memory, CPU time, placement, block I/O, threads.

#include "sdk/domain/address.h"

namespace polyvirt::sdk::domain {

struct HugePage {
    xml::Size size; // KiB
    xml::CpuSet nodeset;
};
struct HugePages {
    std::vector<HugePage> pages;
};
struct MemoryBacking {
    std::optional<HugePages> hugepages; // there without pages: of the host's default size
    bool nosharepages = false, locked = false, discard = false;
    std::string source, access, allocation; // anonymous, file, memfd; shared, private; immediate, ondemand
    Number allocation_threads;
};

struct Memtune {
    xml::Size hard_limit, soft_limit, min_guarantee, swap_hard_limit; // KiB
};

struct BlkioDevice {
    std::string path;
    Number weight, read_iops_sec, write_iops_sec;
    std::optional<std::uint64_t> read_bytes_sec, write_bytes_sec;
};
struct Blkiotune {
    Number weight;
    std::vector<BlkioDevice> devices;
};

struct VcpuPin {
    Number vcpu;
    xml::CpuSet cpuset;
};
struct IoThreadPin {
    Number iothread;
    xml::CpuSet cpuset;
};
struct EmulatorPin {
    xml::CpuSet cpuset;
};
// <vcpusched>, <iothreadsched>, <emulatorsched>: which of the sets is used follows from the element.
struct Scheduler {
    xml::CpuSet vcpus, iothreads;
    std::string scheduler; // fifo, rr, batch, idle
    std::optional<std::int32_t> priority;
};
// Shares of the host's caches and of its memory bandwidth.
struct CacheShare {
    Number id, level;
    std::string type; // code, data, both
    xml::Size size;   // KiB
};
struct CacheMonitor {
    Number level;
    xml::CpuSet vcpus;
};
struct CacheTune {
    xml::CpuSet vcpus;
    std::string id; // of the group that stands for it, while the guest runs
    std::vector<CacheShare> caches;
    std::vector<CacheMonitor> monitors;
};
struct BandwidthShare {
    Number id, bandwidth; // percent
};
struct BandwidthMonitor {
    xml::CpuSet vcpus;
};
struct MemoryTune {
    xml::CpuSet vcpus;
    std::vector<BandwidthShare> nodes;
    std::vector<BandwidthMonitor> monitors;
};
struct Cputune {
    std::optional<std::uint64_t> shares, period, global_period, emulator_period, iothread_period; // us
    std::optional<std::int64_t> quota, global_quota, emulator_quota, iothread_quota;              // us; -1: no limit
    std::vector<VcpuPin> vcpupins;
    std::optional<EmulatorPin> emulatorpin;
    std::vector<IoThreadPin> iothreadpins;
    std::vector<Scheduler> vcpuscheds, iothreadscheds;
    std::optional<Scheduler> emulatorsched;
    std::vector<CacheTune> cachetunes;
    std::vector<MemoryTune> memorytunes;
};

struct NumaMemory {
    std::string mode; // strict, preferred, interleave, restrictive
    xml::CpuSet nodeset;
    std::string placement;
};
struct MemNode {
    Number cellid;
    std::string mode;
    xml::CpuSet nodeset;
};
struct Numatune {
    std::optional<NumaMemory> memory;
    std::vector<MemNode> memnodes;
};

struct IoThreadPoll {
    std::optional<std::uint64_t> max, grow, shrink; // max: ns
};
struct IoThread {
    Number id;
    std::optional<std::int32_t> thread_pool_min, thread_pool_max;
    IoThreadPoll poll;
    bool automatic = false; // numbered by the passes: not shown while all of them are
};
struct DefaultIoThread {
    std::optional<std::int32_t> thread_pool_min, thread_pool_max;
};
struct IndividualVcpu {
    Number id;
    YesNo enabled{}, hotpluggable{};
    Number order;
};

// <perf>: events of the host's counters that are followed for the guest.
struct PerfEvent {
    std::string name;
    YesNo enabled{};
};
struct Perf {
    std::vector<PerfEvent> events;
};

struct SysinfoEntry {
    std::string name, file, value; // file: of fw_cfg
};
struct SysinfoBlock {
    std::vector<SysinfoEntry> entries;
};
struct OemString {
    std::string value;
};
struct Sysinfo {
    std::string type; // smbios, fwcfg
    SysinfoBlock bios, system, chassis;
    std::vector<SysinfoBlock> base_boards;
    std::vector<OemString> oem_strings;
    std::vector<SysinfoEntry> entries; // fwcfg
};

void describe(xml::Binder& b, HugePage& v);
void describe(xml::Binder& b, HugePages& v);
void describe(xml::Binder& b, MemoryBacking& v);
void describe(xml::Binder& b, Memtune& v);
void describe(xml::Binder& b, BlkioDevice& v);
void describe(xml::Binder& b, Blkiotune& v);
void describe(xml::Binder& b, VcpuPin& v);
void describe(xml::Binder& b, IoThreadPin& v);
void describe(xml::Binder& b, EmulatorPin& v);
void describe(xml::Binder& b, Scheduler& v);
void describe(xml::Binder& b, CacheTune& v);
void describe(xml::Binder& b, MemoryTune& v);
void describe(xml::Binder& b, Cputune& v);
void describe(xml::Binder& b, NumaMemory& v);
void describe(xml::Binder& b, MemNode& v);
void describe(xml::Binder& b, Numatune& v);
void describe(xml::Binder& b, IoThreadPoll& v);
void describe(xml::Binder& b, IoThread& v);
void describe(xml::Binder& b, DefaultIoThread& v);
void describe(xml::Binder& b, IndividualVcpu& v);
void describe(xml::Binder& b, PerfEvent& v);
void describe(xml::Binder& b, Perf& v);
void describe(xml::Binder& b, SysinfoEntry& v);
void describe(xml::Binder& b, SysinfoBlock& v);
void describe(xml::Binder& b, OemString& v);
void describe(xml::Binder& b, Sysinfo& v);

} // namespace polyvirt::sdk::domain
