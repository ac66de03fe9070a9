// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Figures of guests as clients read them, the same whoever runs the guest. Workers.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <polyvirt/gen/dom_stats.h>

#include "sdk/cgroup/limits.h"
#include "sdk/guests/guest.h"
#include "sdk/host/proc.h"
#include "sdk/params.h"

namespace polyvirt::sdk {

// Flags of a call for figures of many guests, and whether they choose this one.
inline constexpr std::uint32_t kAllStatsFlags =
    PV_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | PV_CONNECT_GET_ALL_DOMAINS_STATS_INACTIVE |
    PV_CONNECT_GET_ALL_DOMAINS_STATS_PERSISTENT | PV_CONNECT_GET_ALL_DOMAINS_STATS_TRANSIENT |
    PV_CONNECT_GET_ALL_DOMAINS_STATS_RUNNING | PV_CONNECT_GET_ALL_DOMAINS_STATS_PAUSED |
    PV_CONNECT_GET_ALL_DOMAINS_STATS_SHUTOFF | PV_CONNECT_GET_ALL_DOMAINS_STATS_OTHER |
    PV_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT | PV_CONNECT_GET_ALL_DOMAINS_STATS_BACKING |
    PV_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS;
struct Standing {
    bool active, persistent;
    std::int32_t state;
};
[[nodiscard]] bool chosen(const Standing& guest, std::uint32_t flags);
[[nodiscard]] bool chosen(Guest& guest, std::uint32_t flags);
// Those that the call names, or else those of `all` that its flags choose.
template <typename G>
std::vector<std::shared_ptr<G>> guests_of(const pv_dom_all_stats_in& in, const ObjectTable<G>& all) {
    std::vector<std::shared_ptr<G>> list;
    for (std::uint32_t i = 0; i < in.ndomains; ++i) list.push_back(ObjectTable<G>::from(in.domains[i]));
    if (in.ndomains > 0) return list;
    for (const auto& guest : all.all())
        if (chosen(*guest, in.flags)) list.push_back(guest);
    return list;
}

using NetTable = std::map<std::string, NetCounters, std::less<>>;
void put_interfaces(const ParamWriter& to, const std::vector<domain::Interface>& list, const NetTable& net);
// Of one interface, by the host's name of it or its MAC. Error: internal_error where the host has no such interface.
[[nodiscard]] Result<std::size_t> find_interface(const domain::Domain& d, std::string_view name);
[[nodiscard]] Status read_interface(const domain::Interface& interface, pv_dom_interface_stats_out& out);

void put_cpu_total(const ParamWriter& to, const CpuTimes& times);
// Of all processors together, as one record of a call for CPU figures.
void put_cpu_stats(const ParamWriter& to, const CpuTimes& times);

} // namespace polyvirt::sdk
