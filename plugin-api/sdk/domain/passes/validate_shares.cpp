// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Shares of the processors' cache and memory bandwidth (resctrl): a virtual CPU is in one group at most, a node has one
// share in each, and what is monitored belongs to its group.
#include <algorithm>
#include <vector>

#include "base/error_text.h"
#include "sdk/domain/passes/defaults.h"

namespace polyvirt::sdk::domain {
namespace {

bool overlap(const xml::CpuSet& a, const xml::CpuSet& b) {
    return std::any_of(a.ranges.begin(), a.ranges.end(), [&](const auto& x) {
        return std::any_of(b.ranges.begin(), b.ranges.end(),
                           [&](const auto& y) { return x.first <= y.second && y.first <= x.second; });
    });
}
// Ranges of one set are in order and apart.
bool within(const xml::CpuSet& part, const xml::CpuSet& whole) {
    return std::all_of(part.ranges.begin(), part.ranges.end(), [&](const auto& p) {
        return std::any_of(whole.ranges.begin(), whole.ranges.end(),
                           [&](const auto& w) { return w.first <= p.first && p.second <= w.second; });
    });
}

// A group may be named twice, for cache and for bandwidth; all others are apart.
Status join(std::vector<xml::CpuSet>& groups, const xml::CpuSet& vcpus, bool may_exist) {
    for (const xml::CpuSet& group : groups) {
        if (may_exist && group == vcpus) return {};
        if (overlap(group, vcpus)) return make_error(ErrorCode::xml_error, ErrorDomain::domain, "Overlapping vcpus in resctrls");
    }
    groups.push_back(vcpus);
    return {};
}

template <typename Monitor> Status check_monitors(const std::vector<Monitor>& monitors, const xml::CpuSet& vcpus) {
    for (const Monitor& m : monitors)
        if (!within(m.vcpus, vcpus))
            return make_error(ErrorCode::invalid_arg, ErrorDomain::domain, "Monitor vcpus conflicts with allocation");
    return {};
}

} // namespace

Status validate_shares(const Domain& d) {
    if (!d.cputune) return {};
    std::vector<xml::CpuSet> groups;
    for (const CacheTune& t : d.cputune->cachetunes) {
        PV_TRY(join(groups, t.vcpus, false));
        PV_TRY(check_monitors(t.monitors, t.vcpus));
    }
    for (const MemoryTune& t : d.cputune->memorytunes) {
        for (std::size_t i = 0; i < t.nodes.size(); ++i)
            for (std::size_t j = 0; j < i; ++j)
                if (t.nodes[i].id == t.nodes[j].id)
                    return make_error(ErrorCode::xml_error, ErrorDomain::resctrl, "Memory Bandwidth already defined for node {}",
                                      t.nodes[i].id.value_or(0));
        PV_TRY(join(groups, t.vcpus, true));
        PV_TRY(check_monitors(t.monitors, t.vcpus));
    }
    return {};
}

} // namespace polyvirt::sdk::domain
