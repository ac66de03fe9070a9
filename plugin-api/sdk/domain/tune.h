// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// How much of everything a domain may have: <memtune>, <blkiotune>, <cputune>, <numatune>, <iothreadids>, a disk's
// <iotune>, an interface's <bandwidth>, <perf>. The domain document keeps these by name (Domain::kept ...); a driver that
// acts on one takes it from there with get_kept() and puts it back with set_kept() (kept.h).

#include "sdk/domain/address.h"

namespace polyvirt::sdk::domain {

using Number64 = std::optional<std::uint64_t>;
using Signed64 = std::optional<std::int64_t>;

struct MemTune {
    xml::Size hard_limit, soft_limit, min_guarantee, swap_hard_limit; // KiB
};

struct BlkioDevice {
    std::string path;
    Number weight, read_iops, write_iops;
    Number64 read_bytes, write_bytes;
};
struct BlkioTune {
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
struct CpuTune {
    Number64 shares, period, global_period, emulator_period, iothread_period;
    Signed64 quota, global_quota, emulator_quota, iothread_quota; // negative: no limit
    std::vector<VcpuPin> vcpu_pins;
    xml::CpuSet emulator_pin;
    std::vector<IoThreadPin> iothread_pins;
    Kept kept; // schedulers, caches, memory bandwidth
};

struct NumaTune {
    std::string mode, placement; // strict, preferred, interleave, restrictive
    xml::CpuSet nodeset;
    Kept kept; // memnode
};

struct IoThreadPoll {
    Number64 max, grow, shrink;
};
struct IoThread {
    Number id, pool_min, pool_max;
    IoThreadPoll poll;
};
struct IoThreads {
    std::vector<IoThread> list;
};

struct DiskIoTune {
    Number64 total_bytes_sec, read_bytes_sec, write_bytes_sec, total_iops_sec, read_iops_sec, write_iops_sec;
    Number64 total_bytes_sec_max, read_bytes_sec_max, write_bytes_sec_max, total_iops_sec_max, read_iops_sec_max,
        write_iops_sec_max, size_iops_sec;
    std::string group_name;
    Number64 total_bytes_sec_max_length, read_bytes_sec_max_length, write_bytes_sec_max_length,
        total_iops_sec_max_length, read_iops_sec_max_length, write_iops_sec_max_length;
};

struct BandwidthRate {
    Number64 average, peak, floor, burst; // KiB/s; burst KiB
};
struct Bandwidth {
    BandwidthRate inbound, outbound;
};

struct PerfEvent {
    std::string name;
    YesNo enabled{};
};
struct Perf {
    std::vector<PerfEvent> events;
};

void describe(xml::Binder& b, MemTune& v);
void describe(xml::Binder& b, BlkioDevice& v);
void describe(xml::Binder& b, BlkioTune& v);
void describe(xml::Binder& b, VcpuPin& v);
void describe(xml::Binder& b, IoThreadPin& v);
void describe(xml::Binder& b, CpuTune& v);
void describe(xml::Binder& b, NumaTune& v);
void describe(xml::Binder& b, IoThreadPoll& v);
void describe(xml::Binder& b, IoThread& v);
void describe(xml::Binder& b, IoThreads& v);
void describe(xml::Binder& b, DiskIoTune& v);
void describe(xml::Binder& b, BandwidthRate& v);
void describe(xml::Binder& b, Bandwidth& v);
void describe(xml::Binder& b, PerfEvent& v);
void describe(xml::Binder& b, Perf& v);

} // namespace polyvirt::sdk::domain
