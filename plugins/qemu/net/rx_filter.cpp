// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "net/rx_filter.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include <linux/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "monitor/json.h"
#include "sdk/netlink/netlink.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
using sdk::xml::Mac;

// Trusted ones alone, by alias; all of them for an empty one. With the names of their links.
std::vector<std::pair<std::string, std::string>> trusted_cards(Guest& guest, std::string_view alias) {
    std::vector<std::pair<std::string, std::string>> all;
    const ObjectLock lock(guest.mu);
    if (!guest.live) return all;
    for (const Interface& i : guest.live->devices.interfaces)
        if (i.type == InterfaceType::direct && i.trust_guest_rx_filters == YesNo::yes && !i.target.dev.empty() &&
            (alias.empty() || i.info.alias.name == alias))
            all.emplace_back(i.info.alias.name, i.target.dev);
    return all;
}

Status set_group(const UniqueFd& socket, const std::string& link, const Mac& group, bool in) {
    ifreq r{};
    std::memcpy(r.ifr_name, link.data(), std::min(link.size(), sizeof r.ifr_name - 1));
    r.ifr_hwaddr.sa_family = AF_UNSPEC;
    std::memcpy(r.ifr_hwaddr.sa_data, group.bytes.data(), group.bytes.size());
    if (::ioctl(socket.get(), in ? SIOCADDMULTI : SIOCDELMULTI, &r) == 0) return {};
    return make_system_error(errno, ErrorDomain::none,
                             fmt::format("cannot {} the group {} on '{}'", in ? "join" : "leave", group.to_string(), link));
}

Status set_filter(const std::string& link, const RxFilter& wanted) {
    PV_ASSIGN_OR_RETURN(sdk::Netlink net, sdk::Netlink::open());
    PV_ASSIGN_OR_RETURN(const auto there, net.find(link));
    if (!there) return {}; // unplugged meanwhile
    if (wanted.mac && wanted.mac != there->mac) PV_TRY(net.set_mac(link, *wanted.mac));
    PV_TRY(net.set_receiving(link, {.multicast = wanted.multicast, .all_multicast = wanted.all_multicast, .promiscuous = wanted.promiscuous}));
    std::ifstream file("/proc/thread-self/net/dev_mcast");
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const std::set<Mac> have = groups_of(text, link);
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return make_system_error(errno, ErrorDomain::none, "cannot make a socket");
    for (const Mac& group : wanted.groups)
        if (!have.contains(group)) PV_TRY(set_group(socket, link, group, true));
    for (const Mac& group : have)
        if (!wanted.groups.contains(group)) PV_TRY(set_group(socket, link, group, false));
    return {};
}

sdk::Task<Status> follow_card(std::shared_ptr<Run> run, std::string alias, std::string link) {
    Json arguments = Json::object();
    arguments["name"] = alias;
    const auto reply = co_await run->qmp("query-rx-filter", std::move(arguments));
    PV_CO_TRY(reply);
    PV_CO_ASSIGN_OR_RETURN(const RxFilter wanted, rx_filter_of(*reply));
    PV_CO_TRY(co_await sdk::on_worker(run->services(), run->guest()->strand));
    co_return set_filter(link, wanted);
}

} // namespace

Result<RxFilter> rx_filter_of(const Json& reply) {
    if (!reply.is_array() || reply.size() != 1 || !reply[0].is_object())
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "the emulator does not say what the card receives");
    const Json& card = reply[0];
    RxFilter filter;
    filter.mac = Mac::parse(text_of(card, "main-mac"));
    filter.multicast = text_of(card, "multicast") != "none";
    // Of more groups than its device can remember it forgets which they were.
    filter.all_multicast = text_of(card, "multicast") == "all" || is_true(card, "multicast-overflow");
    filter.promiscuous = is_true(card, "promiscuous");
    const Json& table = member(card, "multicast-table");
    if (!table.is_array()) return filter;
    for (const Json& group : table)
        if (const auto mac = group.is_string() ? Mac::parse(group.get<std::string>()) : std::nullopt) filter.groups.insert(*mac);
    return filter;
}

std::set<Mac> groups_of(std::string_view dev_mcast, std::string_view link) {
    std::set<Mac> groups;
    std::istringstream lines{std::string(dev_mcast)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string index, name, digits;
        int users = 0, asked = 0;
        if (!(words >> index >> name >> users >> asked >> digits) || name != link || asked == 0 || digits.size() != 12) continue;
        std::string colons;
        for (std::size_t at = 0; at < digits.size(); at += 2) colons += (at == 0 ? "" : ":") + digits.substr(at, 2);
        if (const auto mac = Mac::parse(colons)) groups.insert(*mac);
    }
    return groups;
}

void on_rx_filter(Run& run, const QmpEvent& event) {
    const std::string alias = text_of(event.data, "name");
    if (alias.empty()) return;
    for (const auto& [name, link] : trusted_cards(*run.guest(), alias))
        sdk::start(follow_card(run.shared_from_this(), name, link), [guest = run.guest(), link = link](const Status& done) {
            if (!done) log::warning("net", "domain '{}': '{}' does not receive what its guest wants: {}", guest->name, link, done.error().message);
        });
}

sdk::Task<Status> follow_rx_filters(std::shared_ptr<Run> run) {
    const auto cards = trusted_cards(*run->guest(), "");
    for (const auto& [alias, link] : cards) {
        PV_CO_TRY(co_await run->on_loop());
        PV_CO_TRY(co_await follow_card(run, alias, link));
    }
    co_return co_await run->on_loop();
}

} // namespace polyvirt::qemu
