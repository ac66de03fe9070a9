// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/guests/figures.h"

#include <initializer_list>
#include <utility>

#include "base/error_text.h"

namespace polyvirt::sdk {

// Groups of flags choose one after another, as in lists of domains.
bool chosen(const Standing& guest, std::uint32_t flags) {
    const bool running = guest.state == PV_DOMAIN_RUNNING, paused = guest.state == PV_DOMAIN_PAUSED,
               off = guest.state == PV_DOMAIN_SHUTOFF;
    const auto group = [flags](std::initializer_list<std::pair<std::uint32_t, bool>> rows) {
        bool asked = false, met = false;
        for (const auto& [bit, holds] : rows) {
            asked = asked || (flags & bit) != 0;
            met = met || ((flags & bit) != 0 && holds);
        }
        return !asked || met;
    };
    return group({{PV_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE, guest.active},
                  {PV_CONNECT_GET_ALL_DOMAINS_STATS_INACTIVE, !guest.active}}) &&
           group({{PV_CONNECT_GET_ALL_DOMAINS_STATS_PERSISTENT, guest.persistent},
                  {PV_CONNECT_GET_ALL_DOMAINS_STATS_TRANSIENT, !guest.persistent}}) &&
           group({{PV_CONNECT_GET_ALL_DOMAINS_STATS_RUNNING, running},
                  {PV_CONNECT_GET_ALL_DOMAINS_STATS_PAUSED, paused},
                  {PV_CONNECT_GET_ALL_DOMAINS_STATS_SHUTOFF, off},
                  {PV_CONNECT_GET_ALL_DOMAINS_STATS_OTHER, !running && !paused && !off}});
}

bool chosen(Guest& guest, std::uint32_t flags) {
    const ObjectLock lock(guest.mu);
    return !guest.removed && chosen(Standing{guest.active(), guest.config != nullptr, guest.state}, flags);
}

void put_interfaces(const ParamWriter& to, const std::vector<domain::Interface>& list, const NetTable& net) {
    to.put(PV_DOMAIN_STATS_NET_COUNT, static_cast<std::uint32_t>(list.size()));
    for (std::size_t i = 0; i < list.size(); ++i) {
        const auto found = net.find(list[i].target.dev);
        if (list[i].target.dev.empty() || found == net.end()) continue;
        const std::string prefix = fmt::format("{}{}", PV_DOMAIN_STATS_NET_PREFIX, i);
        const NetCounters c = as_guest(found->second, list[i]);
        to.put(prefix + PV_DOMAIN_STATS_NET_SUFFIX_NAME, std::string_view(list[i].target.dev));
        const std::pair<const char*, std::uint64_t> figures[] = {
            {PV_DOMAIN_STATS_NET_SUFFIX_RX_BYTES, c.rx_bytes}, {PV_DOMAIN_STATS_NET_SUFFIX_RX_PKTS, c.rx_packets},
            {PV_DOMAIN_STATS_NET_SUFFIX_RX_ERRS, c.rx_errs},   {PV_DOMAIN_STATS_NET_SUFFIX_RX_DROP, c.rx_drop},
            {PV_DOMAIN_STATS_NET_SUFFIX_TX_BYTES, c.tx_bytes}, {PV_DOMAIN_STATS_NET_SUFFIX_TX_PKTS, c.tx_packets},
            {PV_DOMAIN_STATS_NET_SUFFIX_TX_ERRS, c.tx_errs},   {PV_DOMAIN_STATS_NET_SUFFIX_TX_DROP, c.tx_drop}};
        for (const auto& [suffix, value] : figures) to.put(prefix + suffix, value);
    }
}

Result<std::size_t> find_interface(const domain::Domain& d, std::string_view name) {
    const auto& list = d.devices.interfaces;
    for (std::size_t i = 0; i < list.size() && !name.empty(); ++i)
        if (list[i].target.dev == name || (list[i].mac.address && list[i].mac.address == xml::Mac::parse(name))) return i;
    return make_error(ErrorCode::invalid_arg, ErrorDomain::domain, "'{}' is not a known interface", name);
}

Status read_interface(const domain::Interface& interface, pv_dom_interface_stats_out& out) {
    if (interface.target.dev.empty())
        return make_error(ErrorCode::internal_error, ErrorDomain::none, "Interface name not provided");
    const auto all = net_counters();
    const auto counters = all.find(interface.target.dev);
    if (counters == all.end())
        return make_error(ErrorCode::internal_error, ErrorDomain::none, "/proc/net/dev: Interface '{}' not found",
                          interface.target.dev);
    const NetCounters c = as_guest(counters->second, interface);
    const auto wide = [](std::uint64_t v) { return static_cast<std::int64_t>(v); };
    out.rx_bytes = wide(c.rx_bytes);
    out.rx_packets = wide(c.rx_packets);
    out.rx_errs = wide(c.rx_errs);
    out.rx_drop = wide(c.rx_drop);
    out.tx_bytes = wide(c.tx_bytes);
    out.tx_packets = wide(c.tx_packets);
    out.tx_errs = wide(c.tx_errs);
    out.tx_drop = wide(c.tx_drop);
    return {};
}

void put_cpu_total(const ParamWriter& to, const CpuTimes& times) {
    to.put(PV_DOMAIN_STATS_CPU_TIME, times.total);
    to.put(PV_DOMAIN_STATS_CPU_USER, times.user);
    to.put(PV_DOMAIN_STATS_CPU_SYSTEM, times.system);
}

void put_cpu_stats(const ParamWriter& to, const CpuTimes& times) {
    to.put(PV_DOMAIN_CPU_STATS_CPUTIME, times.total);
    to.put(PV_DOMAIN_CPU_STATS_USERTIME, times.user);
    to.put(PV_DOMAIN_CPU_STATS_SYSTEMTIME, times.system);
}

} // namespace polyvirt::sdk
