// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/nwfilter/match.h"

#include <algorithm>
#include <array>
#include <vector>

#include "sdk/nwfilter/nwfilter.h"
#include "sdk/xml/scalar.h"

namespace polyvirt::sdk::nwfilter {
namespace {

// Each attribute once; protocols name groups of them.
constexpr MatchAttribute kMacs[] = {{"srcmacaddr", Kind::mac}, {"srcmacmask", Kind::mac},
                                    {"dstmacaddr", Kind::mac}, {"dstmacmask", Kind::mac}};
constexpr MatchAttribute kSourceMac[] = {{"srcmacaddr", Kind::mac}};
constexpr MatchAttribute kSourceMacs[] = {{"srcmacaddr", Kind::mac}, {"srcmacmask", Kind::mac}};
constexpr MatchAttribute kMacProtocol[] = {{"protocolid", Kind::protocol_id, 0x600, 0xffff}};
constexpr MatchAttribute kVlan[] = {{"vlanid", Kind::number, 0, 4095},
                                    {"encap-protocol", Kind::protocol_id, 0, 0xffff}};
constexpr MatchAttribute kStp[] = {{"type", Kind::number, 0, 255},
                                   {"flags", Kind::number, 0, 255},
                                   {"root-priority", Kind::number, 0, 0xffff},
                                   {"root-priority-hi", Kind::number, 0, 0xffff},
                                   {"root-address", Kind::mac},
                                   {"root-address-mask", Kind::mac},
                                   {"root-cost", Kind::number, 0, 0xffffffff},
                                   {"root-cost-hi", Kind::number, 0, 0xffffffff},
                                   {"sender-priority", Kind::number, 0, 0xffff},
                                   {"sender-priority-hi", Kind::number, 0, 0xffff},
                                   {"sender-address", Kind::mac},
                                   {"sender-address-mask", Kind::mac},
                                   {"port", Kind::number, 0, 0xffff},
                                   {"port-hi", Kind::number, 0, 0xffff},
                                   {"age", Kind::number, 0, 0xffff},
                                   {"age-hi", Kind::number, 0, 0xffff},
                                   {"max-age", Kind::number, 0, 0xffff},
                                   {"max-age-hi", Kind::number, 0, 0xffff},
                                   {"hello-time", Kind::number, 0, 0xffff},
                                   {"hello-time-hi", Kind::number, 0, 0xffff},
                                   {"forward-delay", Kind::number, 0, 0xffff},
                                   {"forward-delay-hi", Kind::number, 0, 0xffff}};
constexpr MatchAttribute kArp[] = {{"hwtype", Kind::number, 0, 0xffff},
                                   {"protocoltype", Kind::number, 0, 0xffff},
                                   {"opcode", Kind::arp_opcode, 0, 0xffff},
                                   {"arpsrcmacaddr", Kind::mac},
                                   {"arpdstmacaddr", Kind::mac},
                                   {"arpsrcipaddr", Kind::ipv4},
                                   {"arpsrcipmask", Kind::ipv4_mask},
                                   {"arpdstipaddr", Kind::ipv4},
                                   {"arpdstipmask", Kind::ipv4_mask},
                                   {"gratuitous", Kind::boolean}};
constexpr MatchAttribute kIp4[] = {{"srcipaddr", Kind::ipv4},
                                   {"srcipmask", Kind::ipv4_mask},
                                   {"dstipaddr", Kind::ipv4},
                                   {"dstipmask", Kind::ipv4_mask}};
constexpr MatchAttribute kIp6[] = {{"srcipaddr", Kind::ipv6},
                                   {"srcipmask", Kind::ipv6_mask},
                                   {"dstipaddr", Kind::ipv6},
                                   {"dstipmask", Kind::ipv6_mask}};
constexpr MatchAttribute kIp4Ranges[] = {
    {"srcipfrom", Kind::ipv4}, {"srcipto", Kind::ipv4}, {"dstipfrom", Kind::ipv4}, {"dstipto", Kind::ipv4}};
constexpr MatchAttribute kIp6Ranges[] = {
    {"srcipfrom", Kind::ipv6}, {"srcipto", Kind::ipv6}, {"dstipfrom", Kind::ipv6}, {"dstipto", Kind::ipv6}};
constexpr MatchAttribute kProtocol[] = {{"protocol", Kind::ip_protocol, 0, 255}};
constexpr MatchAttribute kPorts[] = {{"srcportstart", Kind::number, 0, 0xffff},
                                     {"srcportend", Kind::number, 0, 0xffff},
                                     {"dstportstart", Kind::number, 0, 0xffff},
                                     {"dstportend", Kind::number, 0, 0xffff}};
constexpr MatchAttribute kDscp[] = {{"dscp", Kind::number, 0, 63}};
constexpr MatchAttribute kLimits[] = {{"connlimit-above", Kind::number, 0, 0xffff},
                                      {"state", Kind::states},
                                      {"ipset", Kind::ipset, 1, 31},
                                      {"ipsetflags", Kind::ipset_flags, 1, 6}};
constexpr MatchAttribute kTcp[] = {{"option", Kind::number, 0, 255}, {"flags", Kind::tcp_flags}};
constexpr MatchAttribute kIcmp[] = {{"type", Kind::number, 0, 255}, {"code", Kind::number, 0, 255}};
constexpr MatchAttribute kIcmpRanges[] = {{"type", Kind::number, 0, 255},
                                          {"typeend", Kind::number, 0, 255},
                                          {"code", Kind::number, 0, 255},
                                          {"codeend", Kind::number, 0, 255}};
constexpr MatchAttribute kComment[] = {{"comment", Kind::text, 0, 256}};

using List = std::vector<const MatchAttribute*>;

template <typename... Groups> List list(const Groups&... groups) {
    List out;
    const auto add = [&out](const auto& group) {
        for (const MatchAttribute& a : group)
            out.push_back(&a);
    };
    (add(groups), ...);
    return out;
}

// By the order of kProtocols.
std::vector<List> make_table() {
    std::vector<List> t;
    t.push_back(list(kMacs, kMacProtocol, kComment));
    t.push_back(list(kMacs, kVlan, kComment));
    t.push_back(list(kSourceMacs, kStp, kComment));
    t.push_back(list(kMacs, kArp, kComment));
    t.push_back(list(kMacs, kArp, kComment));
    t.push_back(list(kMacs, kIp4, kProtocol, kPorts, kDscp, kComment));
    t.push_back(list(kMacs, kIp6, kProtocol, kPorts, kIcmpRanges, kComment));
    const auto ip4 = [](const auto&... own) { return list(kSourceMac, kIp4, kIp4Ranges, kDscp, own..., kLimits, kComment); };
    const auto ip6 = [](const auto&... own) { return list(kSourceMac, kIp6, kIp6Ranges, kDscp, own..., kLimits, kComment); };
    t.push_back(ip4(kPorts, kTcp)); // tcp
    t.push_back(ip4(kPorts));       // udp
    t.push_back(ip4(kPorts));       // sctp
    t.push_back(ip4(kIcmp));
    for (int i = 0; i < 5; i++) // igmp, all, esp, ah, udplite
        t.push_back(ip4());
    t.push_back(ip6(kPorts, kTcp));
    t.push_back(ip6(kPorts));
    t.push_back(ip6(kPorts));
    t.push_back(ip6(kIcmp));
    for (int i = 0; i < 4; i++) // all, esp, ah, udplite
        t.push_back(ip6());
    return t;
}

bool is_variable(std::string_view value) {
    return value.size() > 1 && value[0] == '$';
}

bool is_one_of(std::string_view value, std::initializer_list<std::string_view> names) {
    return std::any_of(names.begin(), names.end(), [&](std::string_view n) {
        return n.size() == value.size() &&
               std::equal(n.begin(), n.end(), value.begin(), [](char a, char b) {
                   return (a | 0x20) == (b | 0x20);
               });
    });
}

bool is_number(std::string_view value, unsigned min, unsigned max) {
    const auto n = xml::detail::parse_integer(value);
    return n && !n->negative && n->magnitude >= min && n->magnitude <= max;
}

bool is_ip(std::string_view value, bool v6) {
    const auto address = xml::IpAddress::parse(value);
    return address && address->v6 == v6;
}
bool is_mask(std::string_view value, bool v6) {
    if (is_number(value, 0, v6 ? 128 : 32))
        return true;
    const auto mask = xml::IpAddress::parse(value);
    return mask && mask->v6 == v6 && mask->prefix();
}

template <typename F> bool each_part(std::string_view value, F&& good) {
    while (true) {
        const std::size_t comma = value.find(',');
        if (!good(value.substr(0, comma)))
            return false;
        if (comma == std::string_view::npos)
            return true;
        value.remove_prefix(comma + 1);
    }
}

bool are_states(std::string_view value) {
    return each_part(value, [](std::string_view s) {
        return is_one_of(s, {"NEW", "ESTABLISHED", "RELATED", "INVALID", "NONE"});
    });
}
bool are_tcp_flags(std::string_view value) {
    const std::size_t slash = value.find('/');
    if (slash == std::string_view::npos)
        return false;
    const auto good = [](std::string_view s) {
        return is_one_of(s, {"SYN", "ACK", "URG", "PSH", "FIN", "RST", "NONE", "ALL"});
    };
    return each_part(value.substr(0, slash), good) && each_part(value.substr(slash + 1), good);
}

} // namespace

std::span<const MatchAttribute* const> attributes_of(std::size_t protocol) {
    static const std::vector<List> table = make_table();
    return table.at(protocol);
}

bool is_allowed(const MatchAttribute& a, std::string_view value) {
    if (a.kind != Kind::text && is_variable(value))
        return true;
    switch (a.kind) {
    case Kind::mac:
        return xml::Mac::parse(value).has_value();
    case Kind::ipv4:
    case Kind::ipv6:
        return is_ip(value, a.kind == Kind::ipv6);
    case Kind::ipv4_mask:
    case Kind::ipv6_mask:
        return is_mask(value, a.kind == Kind::ipv6_mask);
    case Kind::number:
        return is_number(value, a.min, a.max);
    case Kind::protocol_id:
        return is_one_of(value, {"arp", "rarp", "ipv4", "ipv6", "vlan"}) || is_number(value, a.min, a.max);
    case Kind::arp_opcode:
        return is_one_of(value, {"Reply", "Request", "Reply_Reverse", "Request_Reverse", "DRARP_Reply",
                                 "DRARP_Request", "DRARP_Error", "InARP_Request", "ARP_NAK"}) ||
               is_number(value, a.min, a.max);
    case Kind::ip_protocol:
        return is_one_of(value, {"tcp", "udp", "udplite", "esp", "ah", "icmp", "igmp", "sctp", "icmpv6"}) ||
               is_number(value, a.min, a.max);
    case Kind::boolean:
        return is_one_of(value, {"true", "yes", "1", "false", "no", "0"});
    case Kind::text:
        return value.size() <= a.max;
    case Kind::states:
        return are_states(value);
    case Kind::tcp_flags:
        return are_tcp_flags(value);
    case Kind::ipset:
        return value.size() >= a.min && value.size() <= a.max;
    case Kind::ipset_flags: {
        std::size_t n = 0;
        return each_part(value, [&n](std::string_view s) {
            return ++n <= 6 && is_one_of(s, {"src", "dst"});
        });
    }
    }
    return false;
}

} // namespace polyvirt::sdk::nwfilter
