// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>

#include <linux/if_link.h>

#include "base/error_text.h"
#include "sdk/netlink/message.h"

namespace polyvirt::sdk {
namespace {

// By the words of documents.
constexpr std::pair<std::string_view, std::uint32_t> kModes[] = {{"private", MACVLAN_MODE_PRIVATE},
                                                                 {"vepa", MACVLAN_MODE_VEPA},
                                                                 {"bridge", MACVLAN_MODE_BRIDGE},
                                                                 {"passthrough", MACVLAN_MODE_PASSTHRU}};

} // namespace

Result<NetlinkMessage> macvlan_request(const std::string& name, int device, const Netlink::Macvlan& what) {
    const auto* mode = std::find_if(std::begin(kModes), std::end(kModes), [&](const auto& m) { return m.first == what.mode; });
    if (mode == std::end(kModes))
        return make_error(ErrorCode::invalid_arg, ErrorDomain::none,
                          "interface '{}': there is no mode '{}'; 'vepa', 'bridge', 'private' and 'passthrough' are", name, what.mode);
    NetlinkMessage m(RTM_NEWLINK, kMake, link_head());
    nlattr *info = nullptr, *data = nullptr;
    m.text(IFLA_IFNAME, name).number(IFLA_LINK, static_cast<std::uint32_t>(device));
    if (what.mac) m.mac(IFLA_ADDRESS, *what.mac);
    if (what.pid > 0) m.number(IFLA_NET_NS_PID, static_cast<std::uint32_t>(what.pid));
    m.begin(IFLA_LINKINFO, info).put(IFLA_INFO_KIND, what.kind.data(), what.kind.size());
    m.begin(IFLA_INFO_DATA, data).number(IFLA_MACVLAN_MODE, mode->second).end(data).end(info);
    return m;
}

} // namespace polyvirt::sdk
