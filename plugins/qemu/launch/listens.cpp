// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "launch/listens.h"

#include <memory>
#include <optional>
#include <string>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/driver.h>
#include <polyvirt/gen/net_network.h>
#include <sys/socket.h>

#include "base/error_text.h"
#include "sdk/network/network.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

namespace {

constexpr std::size_t kMaxDocument = std::size_t{4} << 20;

// The first of an interface, v4 before v6; those of a link alone cannot be listened on without its name.
std::string address_of_interface(const std::string& device) {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return {};
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(list, &::freeifaddrs);
    std::string v6;
    for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
        if (device != one->ifa_name || one->ifa_addr == nullptr) continue;
        const bool is_v4 = one->ifa_addr->sa_family == AF_INET;
        if (!is_v4 && one->ifa_addr->sa_family != AF_INET6) continue;
        char text[NI_MAXHOST] = {};
        const socklen_t size = is_v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
        if (::getnameinfo(one->ifa_addr, size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) continue;
        const std::string address(text);
        if (is_v4) return address;
        if (v6.empty() && address.find('%') == std::string::npos) v6 = address;
    }
    return v6;
}

// Its own address, or that of the interface through which its guests reach the host.
std::string address_on(const sdk::network::Network& network) {
    for (const sdk::network::Ip& ip : network.ips)
        if (ip.address) return ip.address->to_string();
    if (network.bridge && !network.bridge->name.empty()) return address_of_interface(network.bridge->name);
    if (!network.forward) return {};
    if (!network.forward->dev.empty()) return address_of_interface(network.forward->dev);
    return network.forward->interfaces.empty() ? std::string() : address_of_interface(network.forward->interfaces.front().dev);
}

Result<std::string> look_up(const plugin::Services& s, const plugin::Neighbours& others, const std::string& name) {
    PV_ASSIGN_OR_RETURN(const std::uint64_t network, others.find(PV_KIND_NETWORK, name));
    if (network == 0)
        return make_error(ErrorCode::no_network, ErrorDomain::network, "no network with matching name '{}'", name);
    PV_ASSIGN_OR_RETURN(const auto seen, others.describe(PV_KIND_NETWORK, network));
    if (!seen || (seen->object.attrs & PV_ATTR_ACTIVE) == 0)
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "network '{}', which graphics listen on, is not active", name);
    const plugin::Buffer text(s, kMaxDocument);
    pv_net_xml_desc_out out{};
    out.xml = text.get();
    PV_TRY(others.call<ops::net_network::xml_desc>(network, {}, out));
    PV_ASSIGN_OR_RETURN(const sdk::network::ParsedNetwork parsed, sdk::network::parse_network(text.text()));
    std::string address = address_on(parsed.value);
    if (address.empty())
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "network '{}', which graphics listen on, has no address of this host", name);
    return address;
}

} // namespace

Status find_listens(const plugin::Services& s, pv_call* call, Domain& domain) {
    const plugin::Neighbours others(s, call);
    for (Graphics& graphics : domain.devices.graphics) {
        for (GraphicsListen& listen : graphics.listens) {
            if (listen.type != ListenType::network) continue;
            PV_ASSIGN_OR_RETURN(listen.address, look_up(s, others, listen.network));
            if (&listen == &graphics.listens.front()) graphics.listen = listen.address;
        }
    }
    return {};
}

} // namespace polyvirt::qemu
