// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/tuning.h"

#include "sdk/domain/names.h"

namespace polyvirt::sdk::domain {

void describe(xml::Binder& b, HugePage& v) {
    b.size_attr("size", "unit", v.size);
    b.attr("nodeset", v.nodeset);
}
void describe(xml::Binder& b, HugePages& v) {
    b.child("page", v.pages);
}

void describe(xml::Binder& b, MemoryBacking& v) {
    b.child("hugepages", v.hugepages);
    b.flag("nosharepages", v.nosharepages);
    b.flag("locked", v.locked);
    b.group("source", [&] { b.attr("type", v.source, xml::one_of(names::kMemorySources)); });
    b.group("access", [&] { b.attr("mode", v.access, xml::one_of(names::kMemoryModes)); });
    b.group("allocation", [&] {
        b.attr("mode", v.allocation, xml::one_of(names::kAllocation));
        b.attr("threads", v.allocation_threads);
    });
    b.flag("discard", v.discard);
}

void describe(xml::Binder& b, Memtune& v) {
    b.group("hard_limit", [&] { b.size_text(v.hard_limit); });
    b.group("soft_limit", [&] { b.size_text(v.soft_limit); });
    b.group("min_guarantee", [&] { b.size_text(v.min_guarantee); });
    b.group("swap_hard_limit", [&] { b.size_text(v.swap_hard_limit); });
}

void describe(xml::Binder& b, BlkioDevice& v) {
    b.element("path", v.path, xml::kRequired);
    b.element("weight", v.weight);
    b.element("read_iops_sec", v.read_iops_sec);
    b.element("write_iops_sec", v.write_iops_sec);
    b.element("read_bytes_sec", v.read_bytes_sec);
    b.element("write_bytes_sec", v.write_bytes_sec);
}
void describe(xml::Binder& b, Blkiotune& v) {
    b.element("weight", v.weight);
    b.child("device", v.devices);
}

void describe(xml::Binder& b, VcpuPin& v) {
    b.attr("vcpu", v.vcpu, xml::kRequired);
    b.attr("cpuset", v.cpuset, xml::kRequired);
}
void describe(xml::Binder& b, IoThreadPin& v) {
    b.attr("iothread", v.iothread, xml::kRequired);
    b.attr("cpuset", v.cpuset, xml::kRequired);
}
void describe(xml::Binder& b, EmulatorPin& v) {
    b.attr("cpuset", v.cpuset, xml::kRequired);
}

void describe(xml::Binder& b, Scheduler& v) {
    b.attr("vcpus", v.vcpus);
    b.attr("iothreads", v.iothreads);
    b.attr("scheduler", v.scheduler, xml::one_of(names::kSchedulers, true));
    b.attr("priority", v.priority);
}

static void describe(xml::Binder& b, CacheShare& v) {
    b.attr("id", v.id, xml::kRequired);
    b.attr("level", v.level, xml::kRequired);
    b.attr("type", v.type, xml::one_of(names::kCacheTypes, true));
    // Kept in KiB, and written in the largest unit that it is a whole number of.
    xml::Size shown = v.size;
    xml::SizeRule rule{1024, "KiB", 1, true};
    for (const char* unit : {"MiB", "GiB"}) {
        if (!shown || *shown == 0 || *shown % 1024 != 0) break;
        *shown /= 1024;
        rule = {rule.factor * 1024, unit, 1, true};
    }
    const xml::Size before = v.size;
    b.size_attr("size", "unit", shown, rule);
    v.size = before ? before : shown;
}
static void describe(xml::Binder& b, CacheMonitor& v) {
    b.attr("level", v.level, xml::kRequired);
    b.attr("vcpus", v.vcpus, xml::kRequired);
}
void describe(xml::Binder& b, CacheTune& v) {
    b.attr("vcpus", v.vcpus, xml::kRequired);
    b.attr("id", v.id);
    b.child("cache", v.caches);
    b.child("monitor", v.monitors);
}
static void describe(xml::Binder& b, BandwidthShare& v) {
    b.attr("id", v.id, xml::kRequired);
    b.attr("bandwidth", v.bandwidth, xml::kRequired);
}
static void describe(xml::Binder& b, BandwidthMonitor& v) {
    b.attr("vcpus", v.vcpus, xml::kRequired);
}
void describe(xml::Binder& b, MemoryTune& v) {
    b.attr("vcpus", v.vcpus, xml::kRequired);
    b.child("node", v.nodes);
    b.child("monitor", v.monitors);
}

void describe(xml::Binder& b, Cputune& v) {
    const xml::Rule period = xml::Rule{}.limits(1000, 1'000'000);
    const xml::Rule quota = xml::Rule{}.limits(-1, 18'446'744'073'709'551);
    b.element("shares", v.shares);
    b.element("period", v.period, period);
    b.element("quota", v.quota, quota);
    b.element("global_period", v.global_period, period);
    b.element("global_quota", v.global_quota, quota);
    b.element("emulator_period", v.emulator_period, period);
    b.element("emulator_quota", v.emulator_quota, quota);
    b.element("iothread_period", v.iothread_period, period);
    b.element("iothread_quota", v.iothread_quota, quota);
    b.child("vcpupin", v.vcpupins);
    b.child("emulatorpin", v.emulatorpin);
    b.child("iothreadpin", v.iothreadpins);
    b.child("emulatorsched", v.emulatorsched);
    b.child("vcpusched", v.vcpuscheds);
    b.child("iothreadsched", v.iothreadscheds);
    b.child("cachetune", v.cachetunes);
    b.child("memorytune", v.memorytunes);
}

void describe(xml::Binder& b, NumaMemory& v) {
    b.attr("mode", v.mode, xml::one_of(names::kNumaModes));
    b.attr("nodeset", v.nodeset);
    b.attr("placement", v.placement, xml::one_of(names::kPlacement));
}
void describe(xml::Binder& b, MemNode& v) {
    b.attr("cellid", v.cellid, xml::kRequired);
    b.attr("mode", v.mode, xml::one_of(names::kNumaModes, true));
    b.attr("nodeset", v.nodeset, xml::kRequired);
}
void describe(xml::Binder& b, Numatune& v) {
    b.child("memory", v.memory);
    b.child("memnode", v.memnodes);
}

void describe(xml::Binder& b, IoThreadPoll& v) {
    b.attr("max", v.max);
    b.attr("grow", v.grow);
    b.attr("shrink", v.shrink);
}
void describe(xml::Binder& b, IoThread& v) {
    b.attr("id", v.id, xml::Rule{true}.limits(1, 0xffffffff));
    b.attr("thread_pool_min", v.thread_pool_min, xml::Rule{}.limits(0, 0x7fffffff));
    b.attr("thread_pool_max", v.thread_pool_max, xml::Rule{}.limits(0, 0x7fffffff));
    b.child("poll", v.poll);
}
void describe(xml::Binder& b, DefaultIoThread& v) {
    b.attr("thread_pool_min", v.thread_pool_min, xml::Rule{}.limits(0, 0x7fffffff));
    b.attr("thread_pool_max", v.thread_pool_max, xml::Rule{}.limits(0, 0x7fffffff));
}

void describe(xml::Binder& b, IndividualVcpu& v) {
    b.attr("id", v.id, xml::kRequired);
    b.attr("enabled", v.enabled, xml::kRequired);
    b.attr("hotpluggable", v.hotpluggable);
    b.attr("order", v.order, xml::Rule{}.limits(1, 0xffffffff));
}

void describe(xml::Binder& b, PerfEvent& v) {
    b.attr("name", v.name, xml::one_of(names::kPerfEvents, true));
    b.attr("enabled", v.enabled, xml::kRequired);
}
void describe(xml::Binder& b, Perf& v) {
    b.child("event", v.events);
}

void describe(xml::Binder& b, SysinfoEntry& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("file", v.file);
    b.text(v.value);
}
void describe(xml::Binder& b, SysinfoBlock& v) {
    b.child("entry", v.entries);
}
void describe(xml::Binder& b, OemString& v) {
    b.text(v.value);
}

void describe(xml::Binder& b, Sysinfo& v) {
    b.attr("type", v.type, xml::one_of(names::kSysinfos, true));
    b.child("bios", v.bios);
    b.child("system", v.system);
    b.child("baseBoard", v.base_boards);
    b.child("chassis", v.chassis);
    b.group("oemStrings", [&] { b.child("entry", v.oem_strings); });
    b.child("entry", v.entries);
}

} // namespace polyvirt::sdk::domain
