// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Addresses of a guest's network interfaces: as its agent tells them, as this host's neighbour table has them.

#include <algorithm>
#include <cctype>
#include <fstream>
#include <sstream>
#include <utility>

#include <polyvirt/call.h>
#include <polyvirt/driver.h>
#include <polyvirt/gen/net_network.h>

#include "agent/agent_ops.h"
#include "base/error_text.h"
#include "driver.h"
#include "monitor/json.h"
#include "net/port.h"
#include "run.h"

namespace polyvirt::qemu {
namespace {

struct Address {
    std::int32_t type;
    std::uint32_t prefix;
    std::string text;
};
struct NamedInterface {
    std::string name, hwaddr;
    std::vector<Address> addresses;
};

void add(const plugin::Services& s, pv_records* to, const NamedInterface& i) {
    std::vector<pv_dom_ip_address> addresses;
    for (const Address& a : i.addresses) {
        pv_dom_ip_address record{};
        record.size = sizeof record;
        record.type = a.type;
        record.prefix = a.prefix;
        record.address = a.text.c_str();
        addresses.push_back(record);
    }
    pv_dom_interface record{};
    record.size = sizeof record;
    record.name = i.name.c_str();
    record.hwaddr = i.hwaddr.empty() ? nullptr : i.hwaddr.c_str();
    record.addresses = addresses.data();
    record.naddresses = static_cast<std::uint32_t>(addresses.size());
    s.build->add_record(to, &record);
}

// The aliases of an interface ("eth0:1") are told apart by the agent; clients want one interface with all its addresses.
Result<std::vector<NamedInterface>> interfaces_of(const Json& list) {
    if (!list.is_array()) return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "malformed return value of guest-network-get-interfaces");
    std::vector<NamedInterface> all;
    for (const Json& entry : list) {
        std::string name = text_of(entry, "name");
        if (name.empty()) continue;
        name.erase(std::min(name.find(':'), name.size()));
        auto found = std::find_if(all.begin(), all.end(), [&](const NamedInterface& i) { return i.name == name; });
        if (found == all.end()) found = all.insert(all.end(), {name, text_of(entry, "hardware-address"), {}});
        const auto addresses = entry.find("ip-addresses");
        if (addresses == entry.end() || !addresses->is_array()) continue;
        for (const Json& a : *addresses) {
            const std::string kind = text_of(a, "ip-address-type");
            if (kind != "ipv4" && kind != "ipv6") continue;
            const auto prefix = a.find("prefix");
            found->addresses.push_back({kind == "ipv4" ? PV_IP_ADDR_TYPE_IPV4 : PV_IP_ADDR_TYPE_IPV6,
                                        prefix != a.end() && prefix->is_number_unsigned() ? prefix->get<std::uint32_t>() : 0,
                                        text_of(a, "ip-address")});
        }
    }
    return all;
}

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

// Of every interface of the guest that another machine on this host's links has answered for.
void add_neighbours(const plugin::Services& s, pv_records* to, const Domain& live) {
    std::vector<std::pair<std::string, std::string>> table; // MAC, address
    std::ifstream file("/proc/net/arp");
    std::string line;
    std::getline(file, line); // its head
    while (std::getline(file, line)) {
        std::istringstream words(line);
        std::string address, hardware, flags, mac;
        if (words >> address >> hardware >> flags >> mac) table.emplace_back(lower(mac), address);
    }
    for (const auto& device : live.devices.interfaces) {
        const std::string mac = device.mac.address ? lower(device.mac.address->to_string()) : std::string();
        NamedInterface found{device.target.dev, mac, {}};
        for (const auto& [owner, address] : table)
            if (owner == mac) found.addresses.push_back({PV_IP_ADDR_TYPE_IPV4, 0, address});
        if (!mac.empty() && !found.addresses.empty()) add(s, to, found);
    }
}

// As the networks that the guest is on have given them.
Status add_leases(const plugin::Services& s, pv_call* call, pv_records* to, const Domain& live) {
    const plugin::Neighbours others(s, call);
    for (const auto& device : live.devices.interfaces) {
        if (!sdk::on_network(device) || !device.mac.address) continue;
        PV_ASSIGN_OR_RETURN(const std::uint64_t network, others.find(PV_KIND_NETWORK, device.source.network));
        if (network == 0) continue;
        const std::string mac = lower(device.mac.address->to_string());
        const plugin::RecordList<ops::net_network::dhcp_leases, pv_net_lease> leases(s);
        pv_net_dhcp_leases_in in{};
        in.mac = mac.c_str();
        pv_net_dhcp_leases_out out{};
        out.leases = leases.get();
        PV_TRY(others.call<ops::net_network::dhcp_leases>(network, in, out));
        PV_TRY(leases.check());
        NamedInterface found{device.target.dev, mac, {}};
        for (std::uint32_t i = 0; i < leases.size(); ++i) found.addresses.push_back({leases[i].type, leases[i].prefix, leases[i].address});
        if (!found.addresses.empty()) add(s, to, found);
    }
    return {};
}

} // namespace

pv_status AgentOps::interface_addresses(pv_call* call, const pv_obj* obj, const pv_dom_interface_addresses_in& in,
                                        pv_dom_interface_addresses_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainInterfaceAddresses"); !flags) return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    if (const auto run = run_of(*guest); !run) return answer(call, run.error());
    switch (in.source) {
    case PV_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE: {
        std::shared_ptr<const Domain> live;
        {
            const ObjectLock lock(guest->mu);
            live = guest->live;
        }
        return live ? answer(call, add_leases(s_, call, out.interfaces, *live)) : PV_OK;
    }
    case PV_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT: {
        AgentCall what;
        what.command = "guest-network-get-interfaces";
        what.call = call;
        return ask(call, obj, std::move(what), [this, to = out.interfaces](const Json& value) -> Status {
            PV_ASSIGN_OR_RETURN(const auto all, interfaces_of(value));
            for (const NamedInterface& i : all) add(s_, to, i);
            return {};
        });
    }
    case PV_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP: {
        std::shared_ptr<const Domain> live;
        {
            const ObjectLock lock(guest->mu);
            live = guest->live;
        }
        if (live) add_neighbours(s_, out.interfaces, *live);
        return PV_OK;
    }
    default:
        return answer(call, make_error(ErrorCode::argument_unsupported, ErrorDomain::qemu, "Unknown IP address data source {}", in.source));
    }
}

namespace {
// What the emulator calls the figures of an announcement, and what it takes where a client gives none.
struct AnnounceRow {
    const char *param, *argument;
    std::uint64_t usual;
};
constexpr AnnounceRow kAnnounce[] = {{"initial", "initial", 50}, {"max", "max", 550}, {"rounds", "rounds", 5}, {"step", "step", 50}};
} // namespace

pv_status AgentOps::announce_interface(pv_call* call, const pv_obj* obj, const pv_dom_announce_interface_in& in,
                                       pv_dom_announce_interface_out&) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainAnnounceInterface"); !flags) return answer(call, flags);
    std::uint64_t values[std::size(kAnnounce)] = {};
    for (std::size_t i = 0; i < std::size(kAnnounce); i++) values[i] = kAnnounce[i].usual;
    for (std::uint32_t i = 0; i < in.nparams; i++) {
        const pv_param& p = in.params[i];
        const auto row = std::find_if(std::begin(kAnnounce), std::end(kAnnounce), [&](const AnnounceRow& r) { return std::string_view(r.param) == p.field; });
        if (row == std::end(kAnnounce) || p.type != PV_PARAM_UINT)
            return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "found parameter '{}', expected initial, max, rounds or step", p.field));
        values[row - std::begin(kAnnounce)] = p.v.ui;
    }
    if (const auto run = run_of(*guest_of(obj)); !run) return answer(call, run.error());
    Json arguments = Json::object();
    for (std::size_t i = 0; i < std::size(kAnnounce); i++) arguments[kAnnounce[i].argument] = values[i];
    if (in.device != nullptr) {
        const GuestPtr guest = guest_of(obj);
        std::string alias;
        const ObjectLock lock(guest->mu);
        for (const auto& i : guest->live ? guest->live->devices.interfaces : std::vector<sdk::domain::Interface>()) {
            const std::string mac = i.mac.address ? lower(i.mac.address->to_string()) : std::string();
            if (i.target.dev == in.device || i.info.alias.name == in.device || (!mac.empty() && mac == lower(in.device))) alias = i.info.alias.name;
        }
        if (guest->live && alias.empty())
            return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "cannot find interface '{}'", in.device));
        arguments["interfaces"] = Json::array({"host" + alias});
    }
    return with_job(call, obj, PV_JOB_QUERY, "announce an interface",
                    [this, arguments = std::move(arguments)](const sdk::OperationPtr&, const GuestPtr& guest) { return announce(guest, arguments); });
}

Part::Task AgentOps::announce(GuestPtr guest, Json arguments) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    PV_CO_TRY(co_await run->qmp("announce-self", std::move(arguments)));
    co_return Status();
}

} // namespace polyvirt::qemu
