// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What a network answers: names (<dns>) and addresses (<ip>, <dhcp>).

#include "sdk/network/common.h"

namespace polyvirt::sdk::network {

struct DnsForwarder {
    Address address;
    std::string domain;
};
struct DnsTxt {
    std::string name, value;
};
struct DnsHostName {
    std::string name;
};
struct DnsHost {
    Address ip;
    std::vector<DnsHostName> names;
};
struct DnsSrv {
    std::string service, protocol, domain, target;
    Number port, priority, weight;
};
struct Dns {
    YesNo enable{}, forward_plain_names{};
    std::vector<DnsForwarder> forwarders;
    std::vector<DnsTxt> txts;
    std::vector<DnsSrv> srvs;
    std::vector<DnsHost> hosts;
    [[nodiscard]] bool says_nothing() const {
        return enable == YesNo::unset && forward_plain_names == YesNo::unset && forwarders.empty() && txts.empty() && srvs.empty() && hosts.empty();
    }
};

enum class LeaseUnit : std::uint8_t { unset, seconds, minutes, hours };
inline constexpr std::string_view kLeaseUnits[] = {"", "seconds", "minutes", "hours"};
constexpr xml::Names names_of(LeaseUnit) {
    return kLeaseUnits;
}
struct Lease {
    Wide expiry; // 0: for ever
    LeaseUnit unit{};
    [[nodiscard]] std::uint64_t seconds() const;
};
struct DhcpRange {
    Address start, end;
    std::optional<Lease> lease;
};
struct DhcpHost {
    std::optional<xml::Mac> mac;
    std::string id, name;
    Address ip;
    std::optional<Lease> lease;
};
struct Bootp {
    std::string file, server;
};
struct Dhcp {
    std::vector<DhcpRange> ranges;
    std::vector<DhcpHost> hosts;
    Bootp bootp;
};

enum class Family : std::uint8_t { unset, ipv4, ipv6 };
inline constexpr std::string_view kFamilies[] = {"", "ipv4", "ipv6"};
constexpr xml::Names names_of(Family) {
    return kFamilies;
}
struct Ip {
    Family family{};
    Address address, netmask;
    Number prefix;
    YesNo local_ptr{};
    std::string tftp_root;
    std::optional<Dhcp> dhcp;
    // By prefix, netmask or the address's class.
    [[nodiscard]] unsigned effective_prefix() const;
};
struct Route {
    Family family{};
    Address address, netmask;
    Number prefix, metric;
    Address gateway;
};

void describe(xml::Binder& b, DnsForwarder& v);
void describe(xml::Binder& b, DnsTxt& v);
void describe(xml::Binder& b, DnsHostName& v);
void describe(xml::Binder& b, DnsHost& v);
void describe(xml::Binder& b, DnsSrv& v);
void describe(xml::Binder& b, Dns& v);
void describe(xml::Binder& b, Lease& v);
void describe(xml::Binder& b, DhcpRange& v);
void describe(xml::Binder& b, DhcpHost& v);
void describe(xml::Binder& b, Bootp& v);
void describe(xml::Binder& b, Dhcp& v);
void describe(xml::Binder& b, Ip& v);
void describe(xml::Binder& b, Route& v);

// Rules that need more than one element, and defaults. Errors name the network.
Status complete_dns(Dns& v, const std::string& network);
Status complete_ip(Ip& v, const std::string& network);
Status complete_route(Route& v, const std::string& network);
// One range or host, against the addresses that it must lie in; for updates too.
Status complete_range(DhcpRange& v, const Ip& ip, const std::string& network);
// `partial`: enough to find one by, not to add it.
Status complete_host(DhcpHost& v, const Ip& ip, const std::string& network, bool partial);
Status check_dns_host(const DnsHost& v, const std::string& network, bool partial);
Status check_dns_txt(const DnsTxt& v, const std::string& network, bool partial);
Status check_dns_srv(const DnsSrv& v, const std::string& network, bool partial);

} // namespace polyvirt::sdk::network
