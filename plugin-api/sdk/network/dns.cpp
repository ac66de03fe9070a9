// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/network/dns.h"

#include <algorithm>

#include "base/error_text.h"

namespace polyvirt::sdk::network {
namespace {

constexpr std::uint64_t kShortestLease = 120; // seconds; dnsmasq refuses less

template <typename... A> Error dns_error(fmt::format_string<A...> f, A&&... a) {
    return make_error(ErrorCode::xml_error, ErrorDomain::network, f, std::forward<A>(a)...);
}

std::string shown(const Address& a) {
    return a ? a->to_string() : std::string();
}

Status complete_lease(std::optional<Lease>& lease, const std::string& network) {
    if (!lease)
        return {};
    if (!lease->expiry)
        return dns_error("<lease> without 'expiry' in network '{}'", network);
    if (*lease->expiry == 0) {
        lease->unit = LeaseUnit::unset; // for ever, in whatever unit
        return {};
    }
    if (lease->unit == LeaseUnit::unset)
        lease->unit = LeaseUnit::minutes;
    if (lease->seconds() < kShortestLease)
        return dns_error("The minimum lease time should be greater than 2 minutes; found {} seconds "
                         "in network '{}'",
                         lease->seconds(), network);
    return {};
}

bool family_fits(Family family, const xml::IpAddress& address) {
    return family == Family::unset || (family == Family::ipv6) == address.v6;
}

} // namespace

void describe(xml::Binder& b, DnsForwarder& v) {
    b.attr("domain", v.domain);
    b.attr("addr", v.address);
    b.require(v.address || !v.domain.empty(), "a <forwarder> needs 'addr', 'domain' or both");
}
void describe(xml::Binder& b, DnsTxt& v) {
    b.attr("name", v.name);
    b.attr("value", v.value);
}
void describe(xml::Binder& b, DnsHostName& v) {
    b.text(v.name, xml::kRequired);
}
void describe(xml::Binder& b, DnsHost& v) {
    b.attr("ip", v.ip);
    b.child("hostname", v.names);
}
void describe(xml::Binder& b, DnsSrv& v) {
    b.attr("service", v.service);
    b.attr("protocol", v.protocol);
    b.attr("domain", v.domain);
    b.attr("target", v.target);
    b.attr("port", v.port, xml::Rule{}.limits(1, 65535));
    b.attr("priority", v.priority, xml::Rule{}.limits(0, 65535));
    b.attr("weight", v.weight, xml::Rule{}.limits(0, 65535));
}
void describe(xml::Binder& b, Dns& v) {
    b.attr("enable", v.enable);
    b.attr("forwardPlainNames", v.forward_plain_names);
    b.child("forwarder", v.forwarders);
    b.child("txt", v.txts);
    b.child("srv", v.srvs);
    b.child("host", v.hosts);
}

void describe(xml::Binder& b, Lease& v) {
    b.attr("expiry", v.expiry, xml::Rule{true}.limits(0, 0xffffffff));
    b.attr("unit", v.unit);
}
void describe(xml::Binder& b, DhcpRange& v) {
    b.attr("start", v.start, xml::kRequired);
    b.attr("end", v.end, xml::kRequired);
    b.child("lease", v.lease);
}
void describe(xml::Binder& b, DhcpHost& v) {
    b.attr("mac", v.mac);
    b.attr("id", v.id);
    b.attr("name", v.name);
    b.attr("ip", v.ip);
    b.child("lease", v.lease);
}
void describe(xml::Binder& b, Bootp& v) {
    b.attr("file", v.file);
    b.attr("server", v.server);
}
void describe(xml::Binder& b, Dhcp& v) {
    b.child("range", v.ranges);
    b.child("host", v.hosts);
    b.child("bootp", v.bootp);
}
void describe(xml::Binder& b, Ip& v) {
    b.attr("family", v.family);
    b.attr("address", v.address, xml::kRequired);
    b.attr("netmask", v.netmask);
    b.attr("prefix", v.prefix, xml::Rule{}.limits(0, 128));
    b.attr("localPtr", v.local_ptr);
    b.group("tftp", [&] { b.attr("root", v.tftp_root); });
    b.child("dhcp", v.dhcp);
}
void describe(xml::Binder& b, Route& v) {
    b.attr("family", v.family);
    b.attr("address", v.address, xml::kRequired);
    b.attr("netmask", v.netmask);
    b.attr("prefix", v.prefix, xml::Rule{}.limits(0, 128));
    b.attr("gateway", v.gateway, xml::kRequired);
    b.attr("metric", v.metric, xml::Rule{}.limits(1, 0xffffffff));
}

std::uint64_t Lease::seconds() const {
    const std::uint64_t n = expiry.value_or(0);
    return unit == LeaseUnit::seconds ? n : unit == LeaseUnit::hours ? n * 3600 : n * 60;
}

unsigned Ip::effective_prefix() const {
    if (prefix)
        return *prefix;
    if (netmask)
        return netmask->prefix().value_or(0);
    if (!address || address->v6)
        return 64;
    const std::uint8_t first = address->bytes[0];
    return first < 128 ? 8 : first < 192 ? 16 : 24; // the class of old
}

Status check_dns_txt(const DnsTxt& v, const std::string& network, bool partial) {
    if (v.name.empty())
        return dns_error("missing required name attribute in DNS TXT record of network {}", network);
    if (v.name.find(' ') != std::string::npos)
        return dns_error("prohibited space character in DNS TXT record name '{}' of network {}",
                         v.name, network);
    if (v.value.empty() && !partial)
        return dns_error("missing required value attribute in DNS TXT record named '{}' of network {}",
                         v.name, network);
    return {};
}

Status check_dns_srv(const DnsSrv& v, const std::string& network, bool partial) {
    if (partial)
        return {};
    if (v.service.empty())
        return dns_error("missing required service attribute in DNS SRV record of network '{}'",
                         network);
    if (v.protocol.empty())
        return dns_error(
            "missing required protocol attribute in DNS SRV record '{}' of network '{}'", v.service,
            network);
    const bool details = v.port || v.priority || v.weight;
    if (v.target.empty() && details)
        return dns_error("DNS SRV record '{}' of network '{}' has port, priority or weight without "
                         "a target",
                         v.service, network);
    return {};
}

Status check_dns_host(const DnsHost& v, const std::string& network, bool partial) {
    if (!v.ip && !(partial && !v.names.empty()))
        return make_error_text(
            ErrorCode::xml_detail, ErrorDomain::network,
            fmt::format("Missing IP address in network '{}' DNS HOST record", network));
    if (v.names.empty() && !partial)
        return make_error_text(
            ErrorCode::xml_detail, ErrorDomain::network,
            fmt::format("Missing hostname in network '{}' DNS HOST record", network));
    return {};
}

Status complete_dns(Dns& v, const std::string& network) {
    if (v.enable == YesNo::no && (v.forward_plain_names != YesNo::unset || !v.forwarders.empty() ||
                                  !v.txts.empty() || !v.srvs.empty() || !v.hosts.empty()))
        return dns_error("Extra data in disabled network '{}'", network);
    for (const DnsTxt& txt : v.txts)
        PV_TRY(check_dns_txt(txt, network, false));
    for (const DnsSrv& srv : v.srvs)
        PV_TRY(check_dns_srv(srv, network, false));
    for (const DnsHost& host : v.hosts)
        PV_TRY(check_dns_host(host, network, false));
    return {};
}

Status complete_range(DhcpRange& v, const Ip& ip, const std::string& network) {
    const std::string text = shown(v.start) + " - " + shown(v.end);
    const auto wrong = [&](std::string_view why) {
        return make_error_text(ErrorCode::internal_error, ErrorDomain::none,
                               fmt::format("{} in range {} for network {}", why, text,
                                           shown(ip.address)));
    };
    if (!v.start || !v.end)
        return dns_error("<range> without start or end in network '{}'", network);
    if (v.start->v6 != v.end->v6 || (ip.address && v.start->v6 != ip.address->v6))
        return wrong("mismatch of address family");
    const unsigned prefix = ip.effective_prefix();
    if (ip.address && (!v.start->same_network(*ip.address, prefix) ||
                       !v.end->same_network(*ip.address, prefix)))
        return make_error_text(
            ErrorCode::internal_error, ErrorDomain::none,
            fmt::format("range {} is not entirely within network {}/{}", text,
                        shown(ip.address), prefix));
    if (*v.end < *v.start)
        return make_error_text(ErrorCode::internal_error, ErrorDomain::none,
                               fmt::format("start of range is after its end: {}", text));
    return complete_lease(v.lease, network);
}

Status complete_host(DhcpHost& v, const Ip& ip, const std::string& network, bool partial) {
    const bool v6 = ip.address && ip.address->v6;
    if (v6 && v.mac)
        return dns_error("Invalid to specify MAC address '{}' in network '{}' IPv6 static host "
                         "definition",
                         v.mac->to_string(), network);
    if (!v6 && !v.id.empty() && !v.mac && !partial && v.name.empty())
        return dns_error("Invalid to specify only an id '{}' in network '{}' IPv4 static host "
                         "definition",
                         v.id, network);
    if (v.mac && (v.mac->bytes[0] & 1u) != 0)
        return dns_error("expected unicast mac address, found multicast '{}' in network '{}'",
                         v.mac->to_string(), network);
    if (partial) {
        if (!v.ip && !v.mac && v.name.empty() && v.id.empty())
            return dns_error("At least one of name, mac, id, or ip attribute must be specified for "
                             "static host definition in network '{}'",
                             network);
        return {};
    }
    if (!v.mac && v.name.empty() && (!v6 || v.id.empty()))
        return dns_error("Static host definition in {} network '{}' must have {} attribute",
                         v6 ? "IPv6" : "IPv4", network, v6 ? "id or name" : "mac or name");
    if (!v.ip)
        return dns_error("Missing IP address in static host definition for network '{}'", network);
    return complete_lease(v.lease, network);
}

Status complete_ip(Ip& v, const std::string& network) {
    const std::string address = shown(v.address);
    if (!family_fits(v.family, *v.address) || (v.family == Family::unset && v.address->v6))
        return dns_error("family '{}' specified for {} address '{}' in network '{}'",
                         kFamilies[static_cast<std::size_t>(v.family)],
                         v.address->v6 ? "non-IPv4" : "non-IPv6", address, network);
    if (v.netmask) {
        if (v.address->v6)
            return dns_error("netmask not allowed for IPv6 address '{}' in network '{}'", address,
                             network);
        if (v.prefix)
            return dns_error("network '{}' cannot have both prefix='{}' and a netmask", network,
                             *v.prefix);
        if (v.netmask->v6 || !v.netmask->prefix())
            return dns_error("netmask '{}' of address '{}' in network '{}' is none: expected one like "
                             "255.255.255.0",
                             v.netmask->to_string(), address, network);
    }
    if (v.prefix && *v.prefix > v.address->bits())
        return dns_error("invalid prefix {} of address '{}' in network '{}', expected at most {}",
                         *v.prefix, address, network, v.address->bits());
    if (v.dhcp) {
        for (DhcpRange& range : v.dhcp->ranges)
            PV_TRY(complete_range(range, v, network));
        for (DhcpHost& host : v.dhcp->hosts)
            PV_TRY(complete_host(host, v, network, false));
        if (v.address->v6 && !v.dhcp->bootp.file.empty())
            return make_error(ErrorCode::config_unsupported, ErrorDomain::network,
                              "bootp is for IPv4 alone, found it with address '{}' in network '{}'",
                              address, network);
    }
    return {};
}

Status complete_route(Route& v, const std::string& network) {
    const std::string text = shown(v.address);
    if (!family_fits(v.family, *v.address) || (v.family == Family::unset && v.address->v6))
        return dns_error("{}: address '{}' of <route> does not belong to family '{}'", network, text,
                         v.family == Family::ipv6 ? "ipv6" : "ipv4");
    if (v.gateway->v6 != v.address->v6)
        return dns_error("{}: gateway '{}' and address '{}' of <route> are of different families",
                         network, shown(v.gateway), text);
    if (v.netmask && (v.address->v6 || v.prefix || v.netmask->v6 || !v.netmask->prefix()))
        return dns_error("{}: netmask '{}' of <route> to '{}': expected either a netmask like "
                         "255.255.255.0, for IPv4, or a prefix",
                         network, shown(v.netmask), text);
    if (v.prefix && *v.prefix > v.address->bits())
        return dns_error("{}: prefix {} of <route> to '{}' is over {}", network, *v.prefix, text,
                         v.address->bits());
    return {};
}

} // namespace polyvirt::sdk::network
