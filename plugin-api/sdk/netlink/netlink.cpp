// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/netlink/netlink.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <utility>

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <fcntl.h>
#include <sched.h>

#include "base/error_text.h"
#include "base/unique_fd.h"
#include "sdk/netlink/message.h"

namespace polyvirt::sdk {
namespace {

constexpr int kAttempts = 20;         // at a list that changes meanwhile
constexpr unsigned kNames = 100'000;  // of one stem
constexpr std::uint32_t kTicks = 100; // of the kernel's timers, to a second of a bridge's

Error failed(int error, const std::string& what) { return make_system_error(error, ErrorDomain::none, what); }

// The kernel's errno, which libnl would make a number of its own of.
int note_error(sockaddr_nl*, nlmsgerr* error, void* to) {
    *static_cast<int*>(to) = -error->error;
    return -NLE_FAILURE;
}

int run_use(nl_msg* msg, void* use) {
    (*static_cast<const std::function<void(nlmsghdr*)>*>(use))(nlmsg_hdr(msg));
    return NL_OK;
}

xml::IpAddress address_of(int family, const nlattr* attribute) {
    xml::IpAddress a;
    a.v6 = family == AF_INET6;
    const std::size_t size = std::min<std::size_t>(a.v6 ? 16 : 4, static_cast<std::size_t>(nla_len(attribute)));
    std::memcpy(a.bytes.data(), nla_data(attribute), size);
    return a;
}

std::optional<xml::Mac> mac_of(const nlattr* attribute) {
    xml::Mac mac;
    if (attribute == nullptr || nla_len(attribute) != static_cast<int>(mac.bytes.size())) return std::nullopt;
    std::memcpy(mac.bytes.data(), nla_data(attribute), mac.bytes.size());
    return mac;
}

std::optional<Netlink::Link> link_of(nlmsghdr* head) {
    if (head->nlmsg_type != RTM_NEWLINK) return std::nullopt;
    const auto* info = static_cast<const ifinfomsg*>(nlmsg_data(head));
    nlattr* a[IFLA_MAX + 1] = {};
    if (nlmsg_parse(head, sizeof *info, a, IFLA_MAX, nullptr) < 0 || a[IFLA_IFNAME] == nullptr) return std::nullopt;
    Netlink::Link link;
    link.index = info->ifi_index;
    link.up = (info->ifi_flags & IFF_UP) != 0;
    link.name = nla_get_string(a[IFLA_IFNAME]);
    link.mac = mac_of(a[IFLA_ADDRESS]);
    if (a[IFLA_LINK] != nullptr) link.lower = static_cast<int>(nla_get_u32(a[IFLA_LINK]));
    if (a[IFLA_MASTER] != nullptr) link.master = static_cast<int>(nla_get_u32(a[IFLA_MASTER]));
    if (a[IFLA_MTU] != nullptr) link.mtu = nla_get_u32(a[IFLA_MTU]);
    nlattr* kind[IFLA_INFO_MAX + 1] = {};
    if (a[IFLA_LINKINFO] != nullptr && nla_parse_nested(kind, IFLA_INFO_MAX, a[IFLA_LINKINFO], nullptr) >= 0 &&
        kind[IFLA_INFO_KIND] != nullptr)
        link.kind = nla_get_string(kind[IFLA_INFO_KIND]);
    return link;
}

Status check_name(const std::string& name) {
    if (!name.empty() && name.size() <= kLongestLinkName) return {};
    return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "network interface name '{}' is {}", name,
                      name.empty() ? "empty" : "too long");
}

} // namespace

void Netlink::Close::operator()(nl_sock* socket) const { nl_socket_free(socket); }
Netlink::Netlink(Netlink&& o) noexcept = default;
Netlink& Netlink::operator=(Netlink&& o) noexcept = default;
Netlink::~Netlink() = default;

Result<Netlink> Netlink::open() {
    Netlink net(nl_socket_alloc());
    if (net.socket_ == nullptr) return failed(ENOMEM, "cannot make a netlink socket");
    nl_socket_disable_auto_ack(net.socket_.get()); // questions are answered, which is enough
    errno = 0;
    if (nl_connect(net.socket_.get(), NETLINK_ROUTE) < 0)
        return failed(errno != 0 ? errno : EIO, "cannot open a netlink socket");
    return net;
}

Result<Netlink> Netlink::open_in(std::int64_t pid) {
    const std::string path = fmt::format("/proc/{}/ns/net", pid);
    const UniqueFd theirs(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!theirs) return failed(errno, fmt::format("cannot open '{}'", path));
    const UniqueFd ours(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!ours) return failed(errno, "cannot open this thread's network namespace");
    // The thread alone is there, and a socket stays where it was made.
    if (::setns(theirs.get(), CLONE_NEWNET) != 0) return failed(errno, fmt::format("cannot enter '{}'", path));
    Result<Netlink> net = open();
    if (::setns(ours.get(), CLONE_NEWNET) != 0) std::abort(); // what it did next would be done to somebody else's network
    return net;
}

Status Netlink::send(NetlinkMessage& message, const std::string& what) {
    if (!message.ok()) return failed(ENOMEM, what);
    int error = 0;
    nl_socket_modify_err_cb(socket_.get(), NL_CB_CUSTOM, &note_error, &error);
    if (nl_send_auto(socket_.get(), message.get()) < 0) return failed(errno != 0 ? errno : EIO, what);
    if (nl_wait_for_ack(socket_.get()) < 0) return failed(error != 0 ? error : EIO, what);
    return {};
}

template <typename Use> Status Netlink::each(NetlinkMessage& question, const std::string& what, Use&& use) {
    if (!question.ok()) return failed(ENOMEM, what);
    nlmsg_hdr(question.get())->nlmsg_seq = NL_AUTO_SEQ; // it may be asked again
    int error = 0;
    std::function<void(nlmsghdr*)> one = use;
    nl_socket_modify_err_cb(socket_.get(), NL_CB_CUSTOM, &note_error, &error);
    nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, &run_use, &one);
    const int result = nl_send_auto(socket_.get(), question.get()) < 0 ? -1 : nl_recvmsgs_default(socket_.get());
    nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_DEFAULT, nullptr, nullptr);
    if (result == -NLE_DUMP_INTR) return failed(EINTR, what);
    if (result < 0) return failed(error != 0 ? error : EIO, what);
    return {};
}

// A list during which something changed is asked for again. Where it never stops, what was heard last will do: all of it was
// true at some time.
template <typename T, typename Make> Result<std::vector<T>> Netlink::list(NetlinkMessage& question, const std::string& what, Make&& make) {
    std::vector<T> all;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        all.clear();
        const Status asked = each(question, what, [&](nlmsghdr* head) {
            if (auto one = make(head)) all.push_back(*std::move(one));
        });
        if (asked) break;
        if (asked.error().int1 != EINTR) return asked.error();
    }
    return all;
}

Result<std::optional<Netlink::Link>> Netlink::find(const std::string& name) {
    PV_TRY(check_name(name));
    std::optional<Link> found;
    NetlinkMessage question(RTM_GETLINK, NLM_F_REQUEST, link_head());
    question.text(IFLA_IFNAME, name);
    const Status asked = each(question, fmt::format("cannot look for the interface '{}'", name),
                              [&](nlmsghdr* head) { found = link_of(head); });
    if (!asked && asked.error().int1 == ENODEV) return std::optional<Link>();
    if (!asked) return asked.error();
    return found;
}

Result<std::vector<Netlink::Link>> Netlink::links() {
    NetlinkMessage question(RTM_GETLINK, kDump, link_head());
    return list<Link>(question, "cannot list the interfaces", link_of);
}

Result<std::string> Netlink::free_name(std::string_view stem) {
    static std::atomic<unsigned> next{0};
    for (unsigned tries = 0; tries < kNames; ++tries) {
        std::string name = fmt::format("{}{}", stem, next.fetch_add(1) % kNames);
        PV_ASSIGN_OR_RETURN(const auto taken, find(name));
        if (!taken) return name;
    }
    return failed(EEXIST, fmt::format("this host has no name '{}NUMBER' left for an interface", stem));
}

Result<int> Netlink::index_of(const std::string& name) {
    PV_ASSIGN_OR_RETURN(const auto link, find(name));
    if (!link) return failed(ENODEV, fmt::format("Cannot get interface index on '{}'", name));
    return link->index;
}

Status Netlink::add_bridge(const std::string& name, const Bridge& bridge) {
    PV_TRY(check_name(name));
    NetlinkMessage m(RTM_NEWLINK, kMake, link_head());
    nlattr *info = nullptr, *data = nullptr;
    m.text(IFLA_IFNAME, name);
    if (bridge.mac) m.mac(IFLA_ADDRESS, *bridge.mac);
    if (bridge.mtu) m.number(IFLA_MTU, *bridge.mtu);
    m.begin(IFLA_LINKINFO, info).put(IFLA_INFO_KIND, "bridge", 6).begin(IFLA_INFO_DATA, data);
    // The kernel refuses a delay below two seconds while the protocol is on.
    m.number(IFLA_BR_FORWARD_DELAY, std::uint32_t{std::max<std::uint32_t>(bridge.delay, bridge.stp ? 2 : 0) * kTicks});
    m.number(IFLA_BR_STP_STATE, std::uint32_t{bridge.stp ? 1U : 0U}).end(data).end(info);
    return send(m, fmt::format("Unable to create bridge {}", name));
}

Status Netlink::add_pair(const std::string& name, const std::string& peer, const std::optional<xml::Mac>& peer_mac,
                         std::int64_t peer_pid) {
    PV_TRY(check_name(name));
    PV_TRY(check_name(peer));
    NetlinkMessage m(RTM_NEWLINK, kMake, link_head());
    nlattr *info = nullptr, *data = nullptr, *other = nullptr;
    m.text(IFLA_IFNAME, name).begin(IFLA_LINKINFO, info).put(IFLA_INFO_KIND, "veth", 4).begin(IFLA_INFO_DATA, data);
    m.begin(VETH_INFO_PEER, other).head(link_head()).text(IFLA_IFNAME, peer);
    if (peer_mac) m.mac(IFLA_ADDRESS, *peer_mac);
    if (peer_pid > 0) m.number(IFLA_NET_NS_PID, static_cast<std::uint32_t>(peer_pid));
    m.end(other).end(data).end(info);
    return send(m, fmt::format("Unable to create the pair {} and {}", name, peer));
}

Status Netlink::add_macvlan(const std::string& name, const Macvlan& what) {
    PV_TRY(check_name(name));
    PV_ASSIGN_OR_RETURN(const int on, index_of(what.device));
    PV_ASSIGN_OR_RETURN(NetlinkMessage m, macvlan_request(name, on, what));
    return send(m, fmt::format("error creating {} interface {}@{} ({})", what.kind, name, what.device,
                               what.mac ? what.mac->to_string() : ""));
}

Status Netlink::remove(const std::string& name) {
    PV_ASSIGN_OR_RETURN(const auto link, find(name));
    if (!link) return {};
    NetlinkMessage m(RTM_DELLINK, kChange, link_head(link->index));
    const Status gone = send(m, fmt::format("Unable to remove the interface {}", name));
    return !gone && gone.error().int1 == ENODEV ? Status() : gone;
}

Status Netlink::set_up(const std::string& name, bool up) {
    PV_ASSIGN_OR_RETURN(const int index, index_of(name));
    NetlinkMessage m(RTM_NEWLINK, kChange, link_head(index, up, true));
    return send(m, fmt::format("Cannot set interface flags on '{}'", name));
}

Status Netlink::set_receiving(const std::string& name, const Receiving& what) {
    PV_ASSIGN_OR_RETURN(const int index, index_of(name));
    ifinfomsg head = link_head(index);
    head.ifi_change = IFF_MULTICAST | IFF_ALLMULTI | IFF_PROMISC;
    for (const auto& [on, flag] : {std::pair(what.multicast, IFF_MULTICAST), {what.all_multicast, IFF_ALLMULTI}, {what.promiscuous, IFF_PROMISC}})
        if (on) head.ifi_flags |= static_cast<unsigned>(flag);
    NetlinkMessage m(RTM_NEWLINK, kChange, head);
    return send(m, fmt::format("Cannot set interface flags on '{}'", name));
}

Status Netlink::set_mac(const std::string& name, const xml::Mac& mac) {
    PV_ASSIGN_OR_RETURN(const int index, index_of(name));
    NetlinkMessage m(RTM_NEWLINK, kChange, link_head(index));
    m.mac(IFLA_ADDRESS, mac);
    return send(m, fmt::format("Cannot set interface MAC on '{}'", name));
}

Status Netlink::set_mtu(const std::string& name, std::uint32_t mtu) {
    PV_ASSIGN_OR_RETURN(const int index, index_of(name));
    NetlinkMessage m(RTM_NEWLINK, kChange, link_head(index));
    m.number(IFLA_MTU, mtu);
    return send(m, fmt::format("Cannot set interface MTU on '{}'", name));
}

Status Netlink::set_master(const std::string& name, const std::string& bridge) {
    PV_ASSIGN_OR_RETURN(const int index, index_of(name));
    int master = 0;
    if (!bridge.empty()) {
        PV_ASSIGN_OR_RETURN(master, index_of(bridge));
    }
    NetlinkMessage m(RTM_NEWLINK, kChange, link_head(index));
    m.number(IFLA_MASTER, static_cast<std::uint32_t>(master));
    return send(m, fmt::format("Unable to add bridge {} port {}", bridge, name));
}

Status Netlink::set_port(const std::string& name, const Port& port) {
    PV_ASSIGN_OR_RETURN(const int index, index_of(name));
    ifinfomsg head = link_head(index);
    head.ifi_family = AF_BRIDGE;
    NetlinkMessage m(RTM_SETLINK, kChange, head);
    nlattr* info = nullptr;
    m.begin(IFLA_PROTINFO | NLA_F_NESTED, info);
    const auto flag = [&m](int type, const std::optional<bool>& value) {
        if (value) m.number(type, std::uint8_t{*value ? std::uint8_t{1} : std::uint8_t{0}});
    };
    flag(IFLA_BRPORT_ISOLATED, port.isolated);
    flag(IFLA_BRPORT_LEARNING, port.learning);
    flag(IFLA_BRPORT_UNICAST_FLOOD, port.flood);
    m.end(info);
    return send(m, fmt::format("Unable to set bridge port {}", name));
}

Status Netlink::rename(const std::string& name, const std::string& to) {
    PV_TRY(check_name(to));
    PV_ASSIGN_OR_RETURN(const int index, index_of(name));
    NetlinkMessage m(RTM_NEWLINK, kChange, link_head(index));
    m.text(IFLA_IFNAME, to);
    return send(m, fmt::format("Unable to rename '{}' to '{}'", name, to));
}

Status Netlink::move(const std::string& name, std::int64_t pid) {
    PV_ASSIGN_OR_RETURN(const int index, index_of(name));
    NetlinkMessage m(RTM_NEWLINK, kChange, link_head(index));
    m.number(IFLA_NET_NS_PID, static_cast<std::uint32_t>(pid));
    return send(m, fmt::format("Unable to move '{}' into the namespace of process {}", name, pid));
}

Status Netlink::add_address(const std::string& name, const xml::IpAddress& address, unsigned prefix) {
    PV_ASSIGN_OR_RETURN(const int index, index_of(name));
    ifaddrmsg head{};
    head.ifa_family = address.v6 ? AF_INET6 : AF_INET;
    head.ifa_prefixlen = static_cast<std::uint8_t>(prefix);
    head.ifa_index = static_cast<std::uint32_t>(index);
    NetlinkMessage m(RTM_NEWADDR, kMake, head);
    m.address(IFA_LOCAL, address).address(IFA_ADDRESS, address);
    if (!address.v6 && prefix < 31) {
        xml::IpAddress all = address;
        for (unsigned bit = prefix; bit < 32; ++bit)
            all.bytes[bit / 8] = static_cast<std::uint8_t>(all.bytes[bit / 8] | (0x80U >> (bit % 8)));
        m.address(IFA_BROADCAST, all);
    }
    // Nobody else has it: without the wait for others to say so, during which nothing can be bound to it.
    if (address.v6) m.number(IFA_FLAGS, std::uint32_t{IFA_F_NODAD});
    const Status added =
        send(m, fmt::format("failed to add IP address {}/{} to {}", address.to_string(), prefix, name));
    return !added && added.error().int1 == EEXIST ? Status() : added;
}

Status Netlink::add_route(const std::string& name, const Route& route) {
    PV_ASSIGN_OR_RETURN(const int index, index_of(name));
    rtmsg head{};
    head.rtm_family = route.to.v6 ? AF_INET6 : AF_INET;
    head.rtm_dst_len = static_cast<std::uint8_t>(route.prefix);
    head.rtm_table = RT_TABLE_MAIN;
    head.rtm_protocol = RTPROT_STATIC;
    head.rtm_scope = route.gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    head.rtm_type = RTN_UNICAST;
    NetlinkMessage m(RTM_NEWROUTE, kMake, head);
    if (route.prefix > 0) m.address(RTA_DST, route.to);
    m.number(RTA_OIF, static_cast<std::uint32_t>(index));
    if (route.gateway) m.address(RTA_GATEWAY, *route.gateway);
    if (route.metric != 0) m.number(RTA_PRIORITY, route.metric);
    const Status added =
        send(m, fmt::format("failed to add the route to {}/{} by {}", route.to.to_string(), route.prefix, name));
    return !added && added.error().int1 == EEXIST ? Status() : added;
}

Result<std::vector<Netlink::Route>> Netlink::routes(bool v6) {
    rtmsg question_head{};
    question_head.rtm_family = v6 ? AF_INET6 : AF_INET;
    NetlinkMessage question(RTM_GETROUTE, kDump, question_head);
    return list<Route>(question, "cannot list the routes", [&](nlmsghdr* head) -> std::optional<Route> {
        const auto* info = static_cast<const rtmsg*>(nlmsg_data(head));
        nlattr* a[RTA_MAX + 1] = {};
        if (head->nlmsg_type != RTM_NEWROUTE || info->rtm_table != RT_TABLE_MAIN ||
            nlmsg_parse(head, sizeof *info, a, RTA_MAX, nullptr) < 0)
            return std::nullopt;
        Route route;
        route.to.v6 = v6;
        route.prefix = info->rtm_dst_len;
        route.announced = info->rtm_protocol == RTPROT_RA;
        if (a[RTA_DST] != nullptr) route.to = address_of(info->rtm_family, a[RTA_DST]);
        if (a[RTA_OIF] != nullptr) route.index = static_cast<int>(nla_get_u32(a[RTA_OIF]));
        if (a[RTA_GATEWAY] != nullptr) route.gateway = address_of(info->rtm_family, a[RTA_GATEWAY]);
        if (a[RTA_PRIORITY] != nullptr) route.metric = nla_get_u32(a[RTA_PRIORITY]);
        return route;
    });
}

Result<std::vector<Netlink::Neighbour>> Netlink::neighbours(bool v6) {
    ndmsg question_head{};
    question_head.ndm_family = v6 ? AF_INET6 : AF_INET;
    NetlinkMessage question(RTM_GETNEIGH, kDump, question_head);
    return list<Neighbour>(question, "cannot list the neighbours", [&](nlmsghdr* head) -> std::optional<Neighbour> {
        const auto* info = static_cast<const ndmsg*>(nlmsg_data(head));
        nlattr* a[NDA_MAX + 1] = {};
        if (head->nlmsg_type != RTM_NEWNEIGH || nlmsg_parse(head, sizeof *info, a, NDA_MAX, nullptr) < 0) return std::nullopt;
        const auto mac = mac_of(a[NDA_LLADDR]);
        if (a[NDA_DST] == nullptr || !mac || (info->ndm_state & (NUD_INCOMPLETE | NUD_FAILED)) != 0) return std::nullopt;
        return Neighbour{info->ndm_ifindex, address_of(info->ndm_family, a[NDA_DST]), *mac};
    });
}

Result<bool> join_bridge(const std::string& link, const std::string& bridge, bool isolated) {
    PV_ASSIGN_OR_RETURN(Netlink net, Netlink::open());
    PV_ASSIGN_OR_RETURN(const auto found, net.find(link));
    if (!found || found->master != 0) return false;
    PV_TRY(net.set_master(link, bridge));
    if (isolated) PV_TRY(net.set_port(link, {.isolated = true, .learning = {}, .flood = {}}));
    return true;
}

} // namespace polyvirt::sdk
