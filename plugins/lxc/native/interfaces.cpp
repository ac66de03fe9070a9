// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "native/interfaces.h"

#include <charconv>
#include <map>

#include "base/error_text.h"

namespace polyvirt::lxc {
namespace {

using namespace sdk::domain;
using Keys = std::map<std::string, std::vector<std::string>>; // of one interface: what stands behind its number

std::string last(const Keys& keys, const std::string& key) {
    const auto found = keys.find(key);
    return found == keys.end() || found->second.empty() ? std::string() : found->second.back();
}

InterfaceRoute default_route(const std::string& family, const sdk::xml::IpAddress& gateway) {
    InterfaceRoute r;
    r.family = family;
    r.address = sdk::xml::IpAddress::parse(family == "ipv6" ? "::" : "0.0.0.0");
    r.gateway = gateway;
    return r;
}

void addresses(const Keys& keys, std::vector<InterfaceIp>& ips, std::vector<InterfaceRoute>& routes) {
    for (const char* family : {"ipv4", "ipv6"}) {
        const auto found = keys.find(std::string(family) + ".address");
        if (found == keys.end()) continue;
        for (const std::string& text : found->second) {
            const std::string_view all = text;
            const std::size_t slash = all.find('/');
            InterfaceIp ip;
            ip.family = family;
            ip.address = sdk::xml::IpAddress::parse(all.substr(0, slash));
            std::uint32_t prefix = 0;
            if (slash != std::string_view::npos &&
                std::from_chars(all.data() + slash + 1, all.data() + all.size(), prefix).ec == std::errc())
                ip.prefix = prefix;
            if (ip.address) ips.push_back(ip);
        }
    }
    for (const char* family : {"ipv4", "ipv6"})
        if (const auto gateway = sdk::xml::IpAddress::parse(last(keys, std::string(family) + ".gateway")))
            routes.push_back(default_route(family, *gateway));
}

// One of the host's that moves into the container.
void hand_over(const Keys& keys, std::string name, Domain& d) {
    Hostdev h;
    h.mode = "capabilities";
    h.type = "net";
    h.source.interface = std::move(name);
    addresses(keys, h.ips, h.routes);
    d.devices.hostdevs.push_back(std::move(h));
}

Status add(const Keys& keys, Domain& d) {
    const std::string type = last(keys, "type"), link = last(keys, "link");
    if (type == "none" || type == "empty") return {};
    if (type == "phys") return hand_over(keys, link, d), Status();
    if (type == "vlan") {
        const std::string id = last(keys, "vlan.id");
        if (link.empty() || id.empty())
            return make_error(ErrorCode::internal_error, ErrorDomain::lxc, "a vlan interface needs link and vlan.id");
        return hand_over(keys, link + "." + id, d), Status();
    }
    Interface i;
    if (type == "macvlan") {
        i.type = InterfaceType::direct;
        i.source.dev = link;
        const std::string mode = last(keys, "macvlan.mode");
        i.source.mode = mode.empty() ? "private" : mode == "passthru" ? "passthrough" : mode;
    } else if (type == "veth" && !link.empty()) {
        i.type = InterfaceType::bridge;
        i.source.bridge = link;
    } else {
        i.type = InterfaceType::ethernet;
    }
    i.mac.address = sdk::xml::Mac::parse(last(keys, "hwaddr"));
    i.guest_dev = last(keys, "name");
    if (last(keys, "flags") == "up") i.link = LinkState::up;
    addresses(keys, i.ips, i.routes);
    d.devices.interfaces.push_back(std::move(i));
    return {};
}

} // namespace

Status interfaces_from(const std::vector<Setting>& settings, Domain& d) {
    constexpr std::string_view kPrefix = "lxc.net.";
    std::map<unsigned, Keys> all;
    for (const Setting& s : settings) {
        if (!s.key.starts_with(kPrefix)) continue;
        const std::string_view rest = std::string_view(s.key).substr(kPrefix.size());
        unsigned number = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
        if (error != std::errc() || end == rest.data() + rest.size() || *end != '.') continue;
        all[number][std::string(rest.substr(static_cast<std::size_t>(end - rest.data()) + 1))].push_back(s.value);
    }
    bool none = false;
    for (const auto& [number, keys] : all) {
        none = none || last(keys, "type") == "none";
        PV_TRY(add(keys, d));
    }
    // Without a word about networks it is in none; with "none" it is in the host's.
    d.features.privnet = d.devices.interfaces.empty() && d.devices.hostdevs.empty() && !none;
    return {};
}

} // namespace polyvirt::lxc
