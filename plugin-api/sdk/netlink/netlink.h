// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Links of this host (bridges, taps, pairs), their addresses and routes, by the kernel's netlink; in the network
// namespace of the thread that opened the connection.
//
//     PV_ASSIGN_OR_RETURN(Netlink net, Netlink::open());
//     PV_TRY(net.add_bridge("virbr0", {.stp = true}));
//     PV_TRY(net.add_address("virbr0", address, 24));
//     PV_TRY(net.set_up("virbr0", true));
//
// Each call waits for the kernel's answer: workers alone, one thread at a time. Needs CAP_NET_ADMIN for what changes
// something. Errors: system_error with the kernel's errno in int1.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sdk/xml/types.h"

struct nl_sock;

namespace polyvirt::sdk {

// The longest name of a link, as the kernel has it.
inline constexpr std::size_t kLongestLinkName = 15;

class NetlinkMessage;

class Netlink {
  public:
    struct Link {
        int index = 0, master = 0, lower = 0; // 0: none; lower: what it stands on, or its cable's other end
        std::string name, kind;               // "bridge", "tun", "veth", "dummy"; empty: hardware
        std::optional<xml::Mac> mac;
        std::uint32_t mtu = 0;
        bool up = false;
    };
    struct Bridge {
        bool stp = false;
        std::uint32_t delay = 0; // s, before a port forwards
        std::optional<xml::Mac> mac;
        std::optional<std::uint32_t> mtu;
    };
    // A link of its own on a device of the host's.
    struct Macvlan {
        std::string_view kind; // "macvlan", or "macvtap": with a character device, for a guest
        std::string device;
        std::string_view mode; // as documents have it: "private", "vepa", "bridge", "passthrough"
        std::optional<xml::Mac> mac{};
        std::int64_t pid = 0; // in whose network namespace; 0: this one
    };
    // Beyond its own MAC and broadcasts.
    struct Receiving {
        bool multicast = true, all_multicast = false, promiscuous = false;
    };
    // What a port of a bridge does; absent: as it is.
    struct Port {
        std::optional<bool> isolated, learning, flood;
    };
    struct Route {
        xml::IpAddress to; // all zero with prefix 0: the default one
        unsigned prefix = 0;
        int index = 0; // of the link
        std::optional<xml::IpAddress> gateway;
        std::uint32_t metric = 0;
        bool announced = false; // by a router
    };
    struct Neighbour {
        int index = 0;
        xml::IpAddress address;
        xml::Mac mac;
    };

    static Result<Netlink> open();
    // In the network namespace of that process.
    static Result<Netlink> open_in(std::int64_t pid);
    Netlink(Netlink&& o) noexcept;
    Netlink& operator=(Netlink&& o) noexcept;
    ~Netlink();

    // Null: there is none of that name.
    Result<std::optional<Link>> find(const std::string& name);
    Result<std::vector<Link>> links();

    // STEM and a number that no link of this host has and that this call gave nobody before. If another program takes it
    // first, what is made of it fails and says so.
    Result<std::string> free_name(std::string_view stem);

    // Down at first. Error: EEXIST where the name is taken.
    Status add_bridge(const std::string& name, const Bridge& bridge);
    // Two ends of one cable; the second one in the namespace of a process, if that is given.
    Status add_pair(const std::string& name, const std::string& peer, const std::optional<xml::Mac>& peer_mac = {},
                    std::int64_t peer_pid = 0);
    // Down at first. In mode "passthrough" it begins with the MAC of its device, and a change of the one changes the other.
    Status add_macvlan(const std::string& name, const Macvlan& what);
    // Absent is success.
    Status remove(const std::string& name);

    Status set_up(const std::string& name, bool up);
    Status set_receiving(const std::string& name, const Receiving& what);
    Status set_mac(const std::string& name, const xml::Mac& mac);
    Status set_mtu(const std::string& name, std::uint32_t mtu);
    // Empty: in none.
    Status set_master(const std::string& name, const std::string& bridge);
    Status set_port(const std::string& name, const Port& port);
    Status rename(const std::string& name, const std::string& to);
    // Into the network namespace of that process.
    Status move(const std::string& name, std::int64_t pid);

    // There already is success.
    Status add_address(const std::string& name, const xml::IpAddress& address, unsigned prefix);
    Status add_route(const std::string& name, const Route& route);
    // Of the main table.
    Result<std::vector<Route>> routes(bool v6);
    Result<std::vector<Neighbour>> neighbours(bool v6);

  private:
    struct Close {
        void operator()(nl_sock* socket) const;
    };
    explicit Netlink(nl_sock* socket) : socket_(socket) {}
    Status send(NetlinkMessage& message, const std::string& what);
    // Of a link that must be there.
    Result<int> index_of(const std::string& name);
    template <typename Use> Status each(NetlinkMessage& question, const std::string& what, Use&& use);
    template <typename T, typename Make> Result<std::vector<T>> list(NetlinkMessage& question, const std::string& what, Make&& make);

    std::unique_ptr<nl_sock, Close> socket_;
};

// What outlives the bridge that it was in is in none: puts such a link into one, cut off from its other `isolated` ports if
// it is to be. False: it is in one already, or is not there. Worker.
Result<bool> join_bridge(const std::string& link, const std::string& bridge, bool isolated);

} // namespace polyvirt::sdk
