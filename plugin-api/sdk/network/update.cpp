// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/network/update.h"

#include <algorithm>
#include <functional>

namespace polyvirt::sdk::network {
namespace {

template <typename... A> Error invalid(fmt::format_string<A...> f, A&&... a) {
    return make_error(ErrorCode::operation_invalid, ErrorDomain::network, f,
                      std::forward<A>(a)...);
}

// The root of the small document, under the name that belongs to the section.
template <typename T> Result<T> item_of(const Update& update, const char* element) {
    PV_ASSIGN_OR_RETURN(auto parsed, xml::parse_root<T>(update.text,
                                                        {element, "network update",
                                                         ErrorDomain::network}));
    return std::move(parsed.value);
}

bool adds(UpdateCommand command) {
    return command == UpdateCommand::add_first || command == UpdateCommand::add_last;
}

// What kinds of items have in common: add at an end unless there is one like it, modify or remove the
// one that matches.
template <typename T> struct ListUpdate {
    std::vector<T>& list;
    const std::string& network;
    const char* noun;                          // "DNS TXT record"
    std::function<bool(const T&)> same;        // is the one that is meant
    std::function<std::string(const T&)> told; // "with name 'example'"

    Status apply(UpdateCommand command, T item) const {
        const auto matches = std::count_if(list.begin(), list.end(), same);
        if (adds(command)) {
            if (matches > 0)
                return invalid("there is already a {} {} in network {}", noun, told(item), network);
            list.insert(command == UpdateCommand::add_first ? list.begin() : list.end(),
                        std::move(item));
            return {};
        }
        if (matches == 0)
            return invalid("couldn't locate a matching {} in network {}", noun, network);
        if (matches > 1)
            return invalid("multiple {}s matching all specified fields were found in network {}", noun,
                           network);
        const auto it = std::find_if(list.begin(), list.end(), same);
        if (command == UpdateCommand::remove)
            list.erase(it);
        else
            *it = std::move(item);
        return {};
    }
};

Status unknown_command(const Update& update) {
    return make_error(ErrorCode::no_support, ErrorDomain::network,
                      "unrecognized network update command code {}",
                      static_cast<int>(update.command));
}

// The <ip> whose DHCP is meant.
Result<Ip*> ip_of(Network& n, const Update& update) {
    if (update.parent_index >= 0) {
        const auto index = static_cast<std::size_t>(update.parent_index);
        if (index >= n.ips.size())
            return invalid("couldn't update dhcp host entry - no <ip> element found at index {} in network '{}'",
                           update.parent_index, n.name);
        return &n.ips[index];
    }
    // The first that serves addresses, or the first at all.
    for (Ip& ip : n.ips)
        if (ip.dhcp && (!ip.dhcp->ranges.empty() || !ip.dhcp->hosts.empty()))
            return &ip;
    if (!n.ips.empty())
        return &n.ips.front();
    return invalid("couldn't update dhcp host entry - no <ip> element found at index {} in network '{}'", -1,
                   n.name);
}

bool host_matches(const DhcpHost& wanted, const DhcpHost& h) {
    if (wanted.mac && h.mac != wanted.mac)
        return false;
    if (!wanted.id.empty() && h.id != wanted.id)
        return false;
    if (!wanted.name.empty() && h.name != wanted.name)
        return false;
    return !wanted.ip || h.ip == wanted.ip;
}
// Two that cannot both be.
bool host_collides(const DhcpHost& a, const DhcpHost& b) {
    return (a.mac && a.mac == b.mac) || (!a.name.empty() && a.name == b.name) ||
           (!a.id.empty() && a.id == b.id) || (a.ip && a.ip == b.ip);
}

Status update_dhcp_host(Network& n, const Update& update) {
    PV_ASSIGN_OR_RETURN(Ip* const ip, ip_of(n, update));
    PV_ASSIGN_OR_RETURN(DhcpHost host, item_of<DhcpHost>(update, "host"));
    const bool removal = update.command == UpdateCommand::remove;
    PV_TRY(complete_host(host, *ip, n.name, removal));
    if (!ip->dhcp)
        ip->dhcp.emplace();
    std::vector<DhcpHost>& hosts = ip->dhcp->hosts;
    const auto same = [&](const DhcpHost& h) {
        if (removal)
            return host_matches(host, h);
        if (adds(update.command))
            return host_collides(host, h);
        return host.mac ? h.mac == host.mac : !host.id.empty() ? h.id == host.id : h.name == host.name;
    };
    const auto it = std::find_if(hosts.begin(), hosts.end(), same);
    const auto told = [&] {
        constexpr const char* kNone = "(null)"; // as clients know it
        return fmt::format("mac='{}' name='{}' ip='{}'", host.mac ? host.mac->to_string() : kNone,
                           host.name.empty() ? kNone : host.name, host.ip ? host.ip->to_string() : kNone);
    };
    if (adds(update.command)) {
        if (it != hosts.end())
            return invalid("there is an existing dhcp host entry in network '{}' that matches \"<host {}/>\"",
                           n.name, told());
        hosts.insert(update.command == UpdateCommand::add_first ? hosts.begin() : hosts.end(), host);
        return {};
    }
    if (it == hosts.end())
        return invalid("couldn't locate an existing dhcp host entry with \"{}\" in network '{}'", told(),
                       n.name);
    if (removal)
        hosts.erase(it);
    else
        *it = host;
    return {};
}

Status update_dhcp_range(Network& n, const Update& update) {
    PV_ASSIGN_OR_RETURN(Ip* const ip, ip_of(n, update));
    PV_ASSIGN_OR_RETURN(DhcpRange range, item_of<DhcpRange>(update, "range"));
    PV_TRY(complete_range(range, *ip, n.name));
    const std::string told =
        fmt::format("{} - {}", range.start->to_string(), range.end->to_string());
    if (update.command == UpdateCommand::modify)
        return invalid("dhcp ranges cannot be modified, only added or deleted (network '{}')", n.name);
    if (!ip->dhcp)
        ip->dhcp.emplace();
    std::vector<DhcpRange>& ranges = ip->dhcp->ranges;
    const auto it = std::find_if(ranges.begin(), ranges.end(), [&](const DhcpRange& r) {
        return r.start == range.start && r.end == range.end;
    });
    if (adds(update.command)) {
        if (it != ranges.end())
            return invalid("there is an existing dhcp range entry in network '{}' that matches \"<range "
                           "start='{}' end='{}'/>\"",
                           n.name, range.start->to_string(), range.end->to_string());
        ranges.insert(update.command == UpdateCommand::add_first ? ranges.begin() : ranges.end(), range);
        return {};
    }
    if (it == ranges.end())
        return invalid("couldn't locate a matching dhcp range entry in network '{}': {}", n.name, told);
    ranges.erase(it);
    return {};
}

Status update_forward_interface(Network& n, const Update& update) {
    PV_ASSIGN_OR_RETURN(ForwardInterface item, item_of<ForwardInterface>(update, "interface"));
    if (update.command == UpdateCommand::modify)
        return invalid("forward interface entries cannot be modified, only added or deleted (network '{}')",
                       n.name);
    if (!n.forward)
        return invalid("network '{}' has no <forward> that could have an interface", n.name);
    for (const ForwardInterface& i : n.forward->interfaces)
        if (i.dev == item.dev && update.command == UpdateCommand::remove && i.connections.value_or(0) > 0)
            return invalid("unable to delete interface '{}' in network '{}'. It is currently being used  by "
                           "{} domains.",
                           item.dev, n.name, *i.connections);
    const std::string dev = item.dev;
    n.forward->dev.clear();
    return ListUpdate<ForwardInterface>{
        n.forward->interfaces, n.name, "forward interface",
        [&dev](const ForwardInterface& i) { return i.dev == dev; },
        [](const ForwardInterface& i) { return fmt::format("'{}'", i.dev); }}
        .apply(update.command, std::move(item));
}

Status update_portgroup(Network& n, const Update& update) {
    PV_ASSIGN_OR_RETURN(PortGroup item, item_of<PortGroup>(update, "portgroup"));
    const std::string name = item.name;
    return ListUpdate<PortGroup>{n.port_groups, n.name, "portgroup",
                                 [&name](const PortGroup& g) { return g.name == name; },
                                 [](const PortGroup& g) { return fmt::format("with name '{}'", g.name); }}
        .apply(update.command, std::move(item));
}

Status update_dns_host(Network& n, const Update& update) {
    PV_ASSIGN_OR_RETURN(DnsHost item, item_of<DnsHost>(update, "host"));
    if (update.command == UpdateCommand::modify)
        return invalid("DNS HOST records cannot be modified, only added or deleted (network '{}')", n.name);
    const bool removal = update.command == UpdateCommand::remove;
    PV_TRY(check_dns_host(item, n.name, removal));
    if (!n.dns)
        n.dns.emplace();
    const DnsHost wanted = item;
    const auto same = [&wanted, removal](const DnsHost& h) {
        if (wanted.ip && h.ip == wanted.ip)
            return true;
        return removal && std::any_of(wanted.names.begin(), wanted.names.end(), [&](const DnsHostName& name) {
                   return std::any_of(h.names.begin(), h.names.end(),
                                      [&](const DnsHostName& x) { return x.name == name.name; });
               });
    };
    return ListUpdate<DnsHost>{n.dns->hosts, n.name, "DNS HOST record", same,
                               [](const DnsHost& h) {
                                   return fmt::format("with IP '{}'", h.ip ? h.ip->to_string() : "");
                               }}
        .apply(update.command, std::move(item));
}

Status update_dns_txt(Network& n, const Update& update) {
    PV_ASSIGN_OR_RETURN(DnsTxt item, item_of<DnsTxt>(update, "txt"));
    if (update.command == UpdateCommand::modify)
        return invalid("DNS TXT records cannot be modified, only added or deleted (network '{}')", n.name);
    PV_TRY(check_dns_txt(item, n.name, update.command == UpdateCommand::remove));
    if (!n.dns)
        n.dns.emplace();
    const DnsTxt wanted = item;
    const bool by_value = update.command == UpdateCommand::remove && !wanted.value.empty();
    return ListUpdate<DnsTxt>{
        n.dns->txts, n.name, "DNS TXT record",
        [&wanted, by_value](const DnsTxt& t) {
            return t.name == wanted.name && (!by_value || t.value == wanted.value);
        },
        [](const DnsTxt& t) { return fmt::format("with name '{}'", t.name); }}
        .apply(update.command, std::move(item));
}

bool srv_matches(const DnsSrv& wanted, const DnsSrv& s) {
    const auto text = [](const std::string& a, const std::string& b) { return a.empty() || a == b; };
    const auto number = [](const Number& a, const Number& b) { return !a || a == b; };
    return text(wanted.domain, s.domain) && text(wanted.service, s.service) &&
           text(wanted.protocol, s.protocol) && text(wanted.target, s.target) &&
           number(wanted.port, s.port) && number(wanted.priority, s.priority) &&
           number(wanted.weight, s.weight);
}

Status update_dns_srv(Network& n, const Update& update) {
    PV_ASSIGN_OR_RETURN(DnsSrv item, item_of<DnsSrv>(update, "srv"));
    if (update.command == UpdateCommand::modify)
        return invalid("DNS SRV records cannot be modified, only added or deleted (network '{}')", n.name);
    PV_TRY(check_dns_srv(item, n.name, update.command == UpdateCommand::remove));
    if (!n.dns)
        n.dns.emplace();
    const DnsSrv wanted = item;
    return ListUpdate<DnsSrv>{n.dns->srvs, n.name, "DNS SRV record",
                              [&wanted](const DnsSrv& s) { return srv_matches(wanted, s); },
                              [](const DnsSrv&) { return std::string("matching all specified fields"); }}
        .apply(update.command, std::move(item));
}

struct SectionRow {
    UpdateSection section;
    const char* name;
    Status (*apply)(Network&, const Update&); // null: cannot be changed in place
};
constexpr SectionRow kSections[] = {
    {UpdateSection::bridge, "bridge", nullptr},
    {UpdateSection::domain, "domain", nullptr},
    {UpdateSection::ip, "ip", nullptr},
    {UpdateSection::ip_dhcp_host, "dhcp host", update_dhcp_host},
    {UpdateSection::ip_dhcp_range, "dhcp range", update_dhcp_range},
    {UpdateSection::forward, "forward", nullptr},
    {UpdateSection::forward_interface, "forward interface", update_forward_interface},
    {UpdateSection::forward_pf, "forward pf", nullptr},
    {UpdateSection::portgroup, "portgroup", update_portgroup},
    {UpdateSection::dns_host, "dns host", update_dns_host},
    {UpdateSection::dns_txt, "dns txt", update_dns_txt},
    {UpdateSection::dns_srv, "dns srv", update_dns_srv},
};

} // namespace

Status update_network(Network& network, const Update& update) {
    if (update.command == UpdateCommand::none || update.command > UpdateCommand::add_first)
        return unknown_command(update);
    const auto* row = std::find_if(std::begin(kSections), std::end(kSections),
                                   [&](const SectionRow& r) { return r.section == update.section; });
    if (row == std::end(kSections))
        return make_error(ErrorCode::no_support, ErrorDomain::network,
                          "can't update unrecognized section of network '{}': found number {}",
                          network.name, static_cast<int>(update.section));
    if (!row->apply)
        return make_error(ErrorCode::no_support, ErrorDomain::network,
                          "can't update '{}' section of network '{}'", row->name, network.name);
    Network changed = network;
    PV_TRY(row->apply(changed, update));
    PV_TRY(complete_network(changed));
    network = std::move(changed);
    return {};
}

} // namespace polyvirt::sdk::network
