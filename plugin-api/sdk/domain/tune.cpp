// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/tune.h"

namespace polyvirt::sdk::domain {
namespace {

void size_element(xml::Binder& b, const char* name, xml::Size& v) {
    b.group(name, [&] { b.size_text(v); });
}

} // namespace

void describe(xml::Binder& b, MemTune& v) {
    size_element(b, "hard_limit", v.hard_limit);
    size_element(b, "soft_limit", v.soft_limit);
    size_element(b, "min_guarantee", v.min_guarantee);
    size_element(b, "swap_hard_limit", v.swap_hard_limit);
}

void describe(xml::Binder& b, BlkioDevice& v) {
    b.element("path", v.path, xml::kRequired);
    b.element("weight", v.weight);
    b.element("read_iops_sec", v.read_iops);
    b.element("write_iops_sec", v.write_iops);
    b.element("read_bytes_sec", v.read_bytes);
    b.element("write_bytes_sec", v.write_bytes);
}
void describe(xml::Binder& b, BlkioTune& v) {
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
void describe(xml::Binder& b, CpuTune& v) {
    b.element("shares", v.shares);
    b.element("period", v.period);
    b.element("quota", v.quota);
    b.element("global_period", v.global_period);
    b.element("global_quota", v.global_quota);
    b.element("emulator_period", v.emulator_period);
    b.element("emulator_quota", v.emulator_quota);
    b.element("iothread_period", v.iothread_period);
    b.element("iothread_quota", v.iothread_quota);
    b.child("vcpupin", v.vcpu_pins);
    b.group("emulatorpin", [&] { b.attr("cpuset", v.emulator_pin); });
    b.child("iothreadpin", v.iothread_pins);
    b.keep({"vcpusched", "iothreadsched", "emulatorsched", "cachetune", "memorytune"}, v.kept);
}

void describe(xml::Binder& b, NumaTune& v) {
    b.group("memory", [&] {
        b.attr("mode", v.mode);
        b.attr("nodeset", v.nodeset);
        b.attr("placement", v.placement);
    });
    b.keep({"memnode"}, v.kept);
}

void describe(xml::Binder& b, IoThreadPoll& v) {
    b.attr("max", v.max);
    b.attr("grow", v.grow);
    b.attr("shrink", v.shrink);
}
void describe(xml::Binder& b, IoThread& v) {
    b.attr("id", v.id, xml::kRequired);
    b.attr("thread_pool_min", v.pool_min);
    b.attr("thread_pool_max", v.pool_max);
    b.child("poll", v.poll);
}
void describe(xml::Binder& b, IoThreads& v) { b.child("iothread", v.list); }

void describe(xml::Binder& b, DiskIoTune& v) {
    b.element("total_bytes_sec", v.total_bytes_sec);
    b.element("read_bytes_sec", v.read_bytes_sec);
    b.element("write_bytes_sec", v.write_bytes_sec);
    b.element("total_iops_sec", v.total_iops_sec);
    b.element("read_iops_sec", v.read_iops_sec);
    b.element("write_iops_sec", v.write_iops_sec);
    b.element("total_bytes_sec_max", v.total_bytes_sec_max);
    b.element("read_bytes_sec_max", v.read_bytes_sec_max);
    b.element("write_bytes_sec_max", v.write_bytes_sec_max);
    b.element("total_iops_sec_max", v.total_iops_sec_max);
    b.element("read_iops_sec_max", v.read_iops_sec_max);
    b.element("write_iops_sec_max", v.write_iops_sec_max);
    b.element("size_iops_sec", v.size_iops_sec);
    b.element("group_name", v.group_name);
    b.element("total_bytes_sec_max_length", v.total_bytes_sec_max_length);
    b.element("read_bytes_sec_max_length", v.read_bytes_sec_max_length);
    b.element("write_bytes_sec_max_length", v.write_bytes_sec_max_length);
    b.element("total_iops_sec_max_length", v.total_iops_sec_max_length);
    b.element("read_iops_sec_max_length", v.read_iops_sec_max_length);
    b.element("write_iops_sec_max_length", v.write_iops_sec_max_length);
}

void describe(xml::Binder& b, BandwidthRate& v) {
    b.attr("average", v.average);
    b.attr("peak", v.peak);
    b.attr("floor", v.floor);
    b.attr("burst", v.burst);
}
void describe(xml::Binder& b, Bandwidth& v) {
    b.child("inbound", v.inbound);
    b.child("outbound", v.outbound);
}

void describe(xml::Binder& b, PerfEvent& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("enabled", v.enabled, xml::kRequired);
}
void describe(xml::Binder& b, Perf& v) { b.child("event", v.events); }

} // namespace polyvirt::sdk::domain
