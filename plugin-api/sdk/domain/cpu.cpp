// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/cpu.h"

#include "sdk/domain/names.h"

namespace polyvirt::sdk::domain {

void describe(xml::Binder& b, CpuModel& v) {
    b.attr("fallback", v.fallback, xml::one_of(names::kFallback));
    b.attr("vendor_id", v.vendor_id);
    b.text(v.name);
}

void describe(xml::Binder& b, CpuTopology& v) {
    const xml::Rule positive = xml::Rule{}.limits(1, 0xffffffff);
    b.attr("sockets", v.sockets, positive);
    b.attr("dies", v.dies, positive);
    b.attr("cores", v.cores, positive);
    b.attr("threads", v.threads, positive);
    b.require(v.sockets && v.cores && v.threads, "needs sockets, cores and threads");
}

void describe(xml::Binder& b, CpuFeature& v) {
    b.attr("policy", v.policy);
    b.attr("name", v.name, xml::kRequired);
}

void describe(xml::Binder& b, CpuCache& v) {
    b.attr("level", v.level, xml::Rule{}.limits(1, 3));
    b.attr("mode", v.mode, xml::one_of(names::kCpuCacheModes, true));
}

void describe(xml::Binder& b, CpuAddressBits& v) {
    b.attr("mode", v.mode, xml::one_of(names::kAddressModes, true));
    b.attr("bits", v.bits);
}

void describe(xml::Binder& b, NumaDistance& v) {
    b.attr("id", v.id, xml::kRequired);
    b.attr("value", v.value, xml::Rule{true}.limits(10, 255));
}

void describe(xml::Binder& b, NumaCache& v) {
    b.attr("level", v.level, xml::Rule{true}.limits(1, 255));
    b.attr("associativity", v.associativity, xml::one_of(names::kAssociativity));
    b.attr("policy", v.policy, xml::one_of(names::kCachePolicy));
    const xml::SizeRule kib{1024, "KiB", 1024, true}, bytes{1, "B", 1, true};
    b.group("size", [&] { b.size_attr("value", "unit", v.size, kib); });
    b.group("line", [&] { b.size_attr("value", "unit", v.line, bytes); });
}

void describe(xml::Binder& b, NumaCell& v) {
    b.attr("id", v.id);
    b.attr("cpus", v.cpus);
    b.size_attr("memory", "unit", v.memory);
    b.attr("memAccess", v.mem_access, xml::one_of(names::kMemoryModes));
    b.attr("discard", v.discard);
    b.group("distances", [&] { b.child("sibling", v.distances); });
    b.child("cache", v.caches);
}

void describe(xml::Binder& b, NumaLink& v) {
    b.attr("initiator", v.initiator, xml::kRequired);
    b.attr("target", v.target, xml::kRequired);
    b.attr("cache", v.cache);
    b.attr("type", v.type, xml::one_of(names::kLinkTypes, true));
    b.attr("value", v.value, xml::kRequired);
    b.attr("unit", v.unit);
}

void describe(xml::Binder& b, Cpu& v) {
    b.attr("mode", v.mode);
    b.attr("match", v.match);
    b.attr("check", v.check);
    b.attr("migratable", v.migratable);
    b.child("model", v.model);
    b.element("vendor", v.vendor);
    b.child("topology", v.topology);
    b.child("cache", v.cache);
    b.child("maxphysaddr", v.max_phys_addr);
    b.child("feature", v.features);
    b.group("numa", [&] {
        b.child("cell", v.numa.cells);
        b.group("interconnects", [&] {
            b.child("latency", v.numa.latencies);
            b.child("bandwidth", v.numa.bandwidths);
        });
    });
}

} // namespace polyvirt::sdk::domain
