// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// <cpu>: model, features, topology, caches, NUMA cells.

#include "sdk/domain/address.h"

namespace polyvirt::sdk::domain {

enum class CpuMode : std::uint8_t { unset, custom, host_model, host_passthrough, maximum };
inline constexpr std::string_view kCpuModes[] = {"", "custom", "host-model", "host-passthrough",
                                                 "maximum"};
constexpr xml::Names names_of(CpuMode) {
    return kCpuModes;
}
enum class CpuMatch : std::uint8_t { unset, minimum, exact, strict };
inline constexpr std::string_view kCpuMatches[] = {"", "minimum", "exact", "strict"};
constexpr xml::Names names_of(CpuMatch) {
    return kCpuMatches;
}
enum class CpuCheck : std::uint8_t { unset, none, partial, full };
inline constexpr std::string_view kCpuChecks[] = {"", "none", "partial", "full"};
constexpr xml::Names names_of(CpuCheck) {
    return kCpuChecks;
}
enum class CpuPolicy : std::uint8_t { unset, force, require, optional, disable, forbid };
inline constexpr std::string_view kCpuPolicies[] = {"",         "force",   "require",
                                                    "optional", "disable", "forbid"};
constexpr xml::Names names_of(CpuPolicy) {
    return kCpuPolicies;
}

struct CpuModel {
    std::string fallback, vendor_id, name;
};
struct CpuTopology {
    Number sockets, dies, cores, threads;
};
struct CpuFeature {
    CpuPolicy policy{};
    std::string name;
};
struct CpuCache {
    Number level;     // 1 to 3; absent: all
    std::string mode; // emulate, passthrough, disable
};
struct CpuAddressBits {
    std::string mode; // emulate, passthrough
    Number bits;
};

struct NumaDistance {
    Number id, value; // 10: local, 255: unreachable
};
struct NumaCache {
    Number level;
    std::string associativity, policy;
    xml::Size size, line; // KiB, bytes
};
struct NumaCell {
    Number id;
    xml::CpuSet cpus;
    xml::Size memory; // KiB
    std::string mem_access;
    YesNo discard{};
    std::vector<NumaDistance> distances;
    std::vector<NumaCache> caches;
};
// <latency> and <bandwidth> between an initiator and a target.
struct NumaLink {
    Number initiator, target, cache;
    std::string type, unit;
    std::optional<std::uint64_t> value; // ns; KiB/s
};
struct CpuNuma {
    std::vector<NumaCell> cells;
    std::vector<NumaLink> latencies, bandwidths;
    [[nodiscard]] bool empty() const { return cells.empty(); }
};

struct Cpu {
    CpuMode mode{};
    CpuMatch match{};
    CpuCheck check{};
    OnOff migratable{};
    std::optional<CpuModel> model;
    std::string vendor;
    std::optional<CpuTopology> topology;
    std::vector<CpuFeature> features;
    std::optional<CpuCache> cache;
    std::optional<CpuAddressBits> max_phys_addr;
    CpuNuma numa;
};

void describe(xml::Binder& b, CpuModel& v);
void describe(xml::Binder& b, CpuTopology& v);
void describe(xml::Binder& b, CpuFeature& v);
void describe(xml::Binder& b, CpuCache& v);
void describe(xml::Binder& b, CpuAddressBits& v);
void describe(xml::Binder& b, NumaDistance& v);
void describe(xml::Binder& b, NumaCache& v);
void describe(xml::Binder& b, NumaCell& v);
void describe(xml::Binder& b, NumaLink& v);
void describe(xml::Binder& b, Cpu& v);

} // namespace polyvirt::sdk::domain
