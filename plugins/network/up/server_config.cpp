// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "up/server_config.h"

#include <algorithm>

#include "base/error_text.h"

namespace polyvirt::network {
namespace {

namespace doc = sdk::network;
using sdk::xml::IpAddress;
using sdk::xml::YesNo;

constexpr std::uint64_t kMostLeases = 1 << 24; // a larger network is still no reason for more

// Lines of the file. What users wrote goes through value(): it must not begin a line or an item of its own.
class Lines {
  public:
    explicit Lines(const std::string& network) : network_(network) {}
    template <typename... A> void add(fmt::format_string<A...> f, A&&... a) {
        text_ += fmt::format(f, std::forward<A>(a)...);
        text_ += '\n';
    }
    std::string value(const std::string& text) {
        for (const char c : text)
            if (static_cast<unsigned char>(c) < 0x20 && bad_.empty()) bad_ = text;
        return text;
    }
    // Where commas part the items.
    std::string item(const std::string& text) {
        if (text.find(',') != std::string::npos && bad_.empty()) bad_ = text;
        return value(text);
    }
    Result<std::string> take() {
        if (bad_.empty()) return std::move(text_);
        return make_error(ErrorCode::config_unsupported, ErrorDomain::network,
                          "network '{}': '{}' has characters that dnsmasq cannot be told", network_, bad_);
    }

  private:
    const std::string& network_;
    std::string text_, bad_;
};

std::string mask_of(unsigned prefix) {
    IpAddress mask;
    for (unsigned bit = 0; bit < prefix && bit < 32; ++bit)
        mask.bytes[bit / 8] = static_cast<std::uint8_t>(mask.bytes[bit / 8] | (0x80U >> (bit % 8)));
    return mask.to_string();
}

IpAddress network_address(const IpAddress& address, unsigned prefix) {
    IpAddress net = address;
    for (unsigned bit = prefix; bit < net.bits(); ++bit)
        net.bytes[bit / 8] = static_cast<std::uint8_t>(net.bytes[bit / 8] & ~(0x80U >> (bit % 8)));
    return net;
}

std::string lease_time(const std::optional<doc::Lease>& lease) {
    if (!lease || !lease->expiry) return {};
    return *lease->expiry == 0 ? ",infinite" : fmt::format(",{}", lease->seconds());
}

// The zone of a network's names by address; empty where it ends within a label.
std::string reverse_zone(const IpAddress& address, unsigned prefix) {
    std::string zone;
    if (!address.v6) {
        if (prefix % 8 != 0 || prefix == 0) return {};
        for (unsigned byte = prefix / 8; byte-- > 0;) zone += std::to_string(address.bytes[byte]) + ".";
        return zone + "in-addr.arpa";
    }
    if (prefix % 4 != 0 || prefix == 0) return {};
    for (unsigned nibble = prefix / 4; nibble-- > 0;) {
        const unsigned byte = address.bytes[nibble / 2];
        zone += fmt::format("{:x}.", nibble % 2 == 0 ? byte >> 4 : byte & 0xfU);
    }
    return zone + "ip6.arpa";
}

void add_names(Lines& out, const doc::Network& network) {
    const std::string domain = out.item(network.domain.name);
    if (!domain.empty()) {
        if (network.domain.local_only == YesNo::yes) out.add("local=/{}/", domain);
        out.add("domain={}", domain);
        out.add("expand-hosts");
    }
    if (!network.dns) return;
    const doc::Dns& dns = *network.dns;
    if (dns.enable == YesNo::no) return out.add("port=0");
    if (dns.forward_plain_names == YesNo::no) {
        out.add("domain-needed");
        out.add("local=//");
    }
    bool others = true; // the host's own servers are asked for what no forwarder is for
    for (const doc::DnsForwarder& f : dns.forwarders) {
        out.add("server={}{}", f.domain.empty() ? "" : "/" + out.item(f.domain) + "/",
                f.address ? f.address->to_string() : "#");
        if (f.domain.empty()) others = false;
    }
    if (!others) out.add("no-resolv");
    for (const doc::DnsTxt& t : dns.txts) out.add("txt-record={},{}", out.item(t.name), out.value(t.value));
    for (const doc::DnsSrv& s : dns.srvs) {
        std::string line = fmt::format("srv-host=_{}._{}", out.item(s.service), out.item(s.protocol));
        if (!s.domain.empty()) line += "." + out.item(s.domain);
        if (!s.target.empty())
            line += fmt::format(",{},{},{},{}", out.item(s.target), s.port.value_or(1), s.priority.value_or(0),
                                s.weight.value_or(0));
        out.add("{}", line);
    }
    for (const doc::DnsHost& h : dns.hosts) {
        std::string names;
        for (const doc::DnsHostName& n : h.names) {
            names += out.item(n.name) + ",";
            if (!domain.empty() && n.name.find('.') == std::string::npos) names += n.name + "." + domain + ",";
        }
        if (h.ip) out.add("host-record={}{}", names, h.ip->to_string());
    }
}

std::uint64_t addresses_in(const doc::DhcpRange& r) {
    std::uint64_t from = 0, to = 0;
    const std::size_t bytes = r.start->v6 ? 16 : 4;
    for (std::size_t i = bytes - 4; i < bytes; ++i)
        from = from << 8 | r.start->bytes[i], to = to << 8 | r.end->bytes[i];
    return to >= from ? to - from + 1 : kMostLeases;
}

void add_host(Lines& out, const doc::DhcpHost& h) {
    std::string line = "dhcp-host=";
    if (h.mac) line += h.mac->to_string() + ",";
    if (!h.id.empty()) line += "id:" + out.item(h.id) + ",";
    if (!h.name.empty()) line += out.item(h.name) + ",";
    if (h.ip) line += h.ip->v6 ? "[" + h.ip->to_string() + "]" : h.ip->to_string();
    while (line.back() == ',') line.pop_back();
    out.add("{}{}", line, lease_time(h.lease));
}

// Of one <ip>; how many may be leased at a time.
std::uint64_t add_addresses(Lines& out, const doc::Ip& ip) {
    const unsigned prefix = ip.effective_prefix();
    const bool v6 = ip.address->v6;
    const std::string size = v6 ? std::to_string(prefix) : mask_of(prefix);
    std::uint64_t leases = 0;
    for (const doc::DhcpRange& r : ip.dhcp->ranges) {
        out.add("dhcp-range={},{},{}{}", r.start->to_string(), r.end->to_string(), size, lease_time(r.lease));
        leases += addresses_in(r);
    }
    if (ip.dhcp->ranges.empty() && !ip.dhcp->hosts.empty())
        out.add("dhcp-range={},static,{}",
                v6 ? ip.address->to_string() : network_address(*ip.address, prefix).to_string(), size);
    for (const doc::DhcpHost& h : ip.dhcp->hosts) add_host(out, h);
    const doc::Bootp& boot = ip.dhcp->bootp;
    if (!boot.file.empty())
        out.add("dhcp-boot={}{}", out.item(boot.file), boot.server.empty() ? "" : ",," + out.item(boot.server));
    return std::max<std::uint64_t>(leases, ip.dhcp->hosts.size());
}

void add_dhcp(Lines& out, const doc::Network& network) {
    std::uint64_t leases = 0;
    bool serves = false, serves6 = false, has6 = false;
    for (const doc::Ip& ip : network.ips) {
        if (!ip.address) continue;
        const bool here = ip.dhcp && (!ip.dhcp->ranges.empty() || !ip.dhcp->hosts.empty());
        has6 = has6 || ip.address->v6;
        (ip.address->v6 ? serves6 : serves) |= here;
        if (here) leases += add_addresses(out, ip);
        if (!ip.tftp_root.empty()) {
            out.add("enable-tftp");
            out.add("tftp-root={}", out.value(ip.tftp_root));
        }
        if (ip.local_ptr == YesNo::yes)
            if (const std::string zone = reverse_zone(*ip.address, ip.effective_prefix()); !zone.empty())
                out.add("local=/{}/", zone);
    }
    if (serves || serves6) {
        out.add("dhcp-no-override");
        out.add("dhcp-authoritative");
        out.add("dhcp-lease-max={}", std::min(leases, kMostLeases));
        if (network.mtu && serves) out.add("dhcp-option=option:mtu,{}", *network.mtu);
    }
    // Guests learn of the network by announcements, and of a way out where there is one.
    if (!has6) return;
    if (serves6) out.add("enable-ra");
    for (const doc::Ip& ip : network.ips)
        if (ip.address && ip.address->v6 && !serves6) out.add("dhcp-range={},ra-only", ip.address->to_string());
    if (network.mode() == doc::ForwardMode::none) out.add("ra-param=*,0,0");
}

} // namespace

bool wants_server(const doc::Network& network) {
    return network.owns_bridge() && std::any_of(network.ips.begin(), network.ips.end(),
                                                [](const doc::Ip& ip) { return ip.address.has_value(); });
}

Result<std::string> server_config(const doc::Network& network, const ServerFiles& files) {
    Lines out(network.name);
    out.add("# Made by polyvirt of the network's description, anew at each start and change: edits are lost.");
    out.add("strict-order");
    out.add("pid-file={}", files.pid);
    out.add("dhcp-leasefile={}", files.leases);
    out.add("except-interface=lo");
    out.add("bind-dynamic");
    out.add("interface={}", network.bridge->name);
    add_names(out, network);
    if (network.mode() == doc::ForwardMode::none) { // no way out, and nobody outside to ask
        out.add("dhcp-option=3");
        out.add("no-resolv");
    }
    add_dhcp(out, network);
    for (const doc::DnsmasqOption& o : network.dnsmasq.options) out.add("{}", out.value(o.value));
    return out.take();
}

} // namespace polyvirt::network
