// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "net/direct.h"

#include <cerrno>
#include <fstream>

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "sdk/guest_ports.h"
#include "sdk/netlink/netlink.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
using sdk::Netlink;

Error link_failed(int error, const std::string& what) { return make_system_error(error, ErrorDomain::none, what); }

Result<Netlink::Link> device_named(Netlink& net, const std::string& name) {
    PV_ASSIGN_OR_RETURN(const auto device, net.find(name));
    if (!device) return link_failed(ENODEV, fmt::format("Unable to get index for interface {}", name));
    return *device;
}

// The number of a macvtap's character device.
Result<dev_t> number_of(const Netlink::Link& link) {
    const std::string path = fmt::format("/sys/class/net/{}/tap{}/dev", link.name, link.index);
    std::ifstream file(path);
    unsigned major = 0, minor = 0;
    char colon = 0;
    if (file >> major >> colon >> minor && colon == ':') return makedev(major, minor);
    return link_failed(ENOENT, fmt::format("cannot tell which character device macvtap '{}' has: '{}' does not say it", link.name, path));
}

// /dev/tapINDEX is the kernel's own, but there is one /dev for all network namespaces, and each has a link of that index: what
// stands there can be another's, or nothing at all in a container. Then it is a node of that number that lives for a moment;
// in /dev, because devices are not to be opened in many other places (nodev).
Result<UniqueFd> open_node(const Netlink::Link& link, dev_t number) {
    const std::string usual = fmt::format("/dev/tap{}", link.index);
    const std::string own = fmt::format("/dev/.polyvirt-tap-{}-{}", major(number), minor(number));
    struct stat there {};
    const bool usable = ::stat(usual.c_str(), &there) == 0 && S_ISCHR(there.st_mode) && there.st_rdev == number;
    if (!usable) {
        ::unlink(own.c_str()); // of a daemon that died here
        if (::mknod(own.c_str(), S_IFCHR | 0600, number) != 0) return link_failed(errno, fmt::format("cannot make '{}'", own));
    }
    const std::string& path = usable ? usual : own;
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
    const int error = errno;
    if (!usable) ::unlink(own.c_str());
    if (!fd) return link_failed(error, fmt::format("cannot open macvtap tap device {}", path));
    return fd;
}

// Whoever opens the device has one more queue of it.
Result<Tap> open_queues(const Interface& i, const Netlink::Link& link) {
    Tap tap;
    tap.name = link.name;
    PV_ASSIGN_OR_RETURN(const dev_t number, number_of(link));
    for (std::size_t queue = 0; queue < queues_of(i); ++queue) {
        PV_ASSIGN_OR_RETURN(UniqueFd fd, open_node(link, number));
        ifreq r{};
        r.ifr_flags = tap_flags(i);
        if (::ioctl(fd.get(), TUNSETIFF, &r) != 0)
            return link_failed(errno, fmt::format("cannot set flags on macvtap tap '{}'", link.name));
        tap.fds.push_back(std::move(fd));
    }
    return tap;
}

Result<Tap> settle_link(Netlink& net, const Interface& i, const DirectLink& link) {
    // By way of the macvtap, so that the kernel, too, knows of the MAC that the device had before.
    if (link.mac) PV_TRY(net.set_mac(link.name, *link.mac));
    if (i.mtu) PV_TRY(net.set_mtu(link.name, static_cast<std::uint32_t>(*i.mtu)));
    PV_ASSIGN_OR_RETURN(const Netlink::Link made, device_named(net, link.name));
    PV_ASSIGN_OR_RETURN(Tap tap, open_queues(i, made));
    // A device that is up is left alone: its own link would blink.
    PV_ASSIGN_OR_RETURN(const Netlink::Link device, device_named(net, link.device));
    if (!device.up) PV_TRY(net.set_up(link.device, true));
    return tap;
}

// The kernel's word for a device that somebody has alone, or that others are on, says nothing of it.
Error with_neighbours(Netlink& net, const std::string& device, Error why) {
    const auto links = why.int1 == EINVAL || why.int1 == EBUSY ? net.links() : Result<std::vector<Netlink::Link>>(std::vector<Netlink::Link>());
    const auto on = device_named(net, device);
    if (!links || !on) return why;
    for (const Netlink::Link& other : *links)
        if (other.lower == on->index && other.kind.starts_with("macv"))
            return why.message += fmt::format("; '{}' is on it, and in mode 'passthrough' there is one alone", other.name), why;
    return why;
}

} // namespace

Result<DirectLink> plan_link(const Interface& i) {
    PV_TRY(sdk::refuse_virtual_port(i.virtualport));
    PV_ASSIGN_OR_RETURN(Netlink net, Netlink::open());
    PV_ASSIGN_OR_RETURN(const Netlink::Link device, device_named(net, i.source.dev));
    DirectLink link{.alias = i.info.alias.name, .name = i.target.dev, .device = i.source.dev, .mac = {}, .device_mac = {}};
    if (link.name.empty()) {
        PV_ASSIGN_OR_RETURN(link.name, net.free_name("macvtap"));
    } else {
        PV_ASSIGN_OR_RETURN(const auto taken, net.find(link.name));
        if (taken) return link_failed(EEXIST, fmt::format("Unable to create macvtap device {}", link.name));
    }
    if (i.source.mode == "passthrough") link.mac = i.mac.address, link.device_mac = device.mac;
    return link;
}

Result<Tap> make_link(const Interface& i, const DirectLink& link) {
    PV_ASSIGN_OR_RETURN(Netlink net, Netlink::open());
    const std::string_view mode = i.source.mode.empty() ? std::string_view("vepa") : i.source.mode;
    const Status added = net.add_macvlan(link.name, {.kind = "macvtap", .device = link.device, .mode = mode, .mac = i.mac.address});
    if (!added) return with_neighbours(net, link.device, added.error());
    Result<Tap> tap = settle_link(net, i, link);
    if (tap) return tap;
    if (const Status gone = remove_link(link); !gone) log::warning("net", "macvtap '{}' stays: {}", link.name, gone.error().message);
    return tap;
}

Status show_link(const DirectLink& link, bool up) {
    PV_ASSIGN_OR_RETURN(Netlink net, Netlink::open());
    PV_ASSIGN_OR_RETURN(const auto made, net.find(link.name));
    return made && made->up != up ? net.set_up(link.name, up) : Status();
}

Status remove_link(const DirectLink& link) {
    PV_ASSIGN_OR_RETURN(Netlink net, Netlink::open());
    PV_ASSIGN_OR_RETURN(const auto device, net.find(link.device));
    PV_ASSIGN_OR_RETURN(const auto made, net.find(link.name));
    // Without its device it has gone by itself, and one of that name is another's.
    if (made && made->kind == "macvtap" && device && made->lower == device->index) PV_TRY(net.remove(link.name));
    if (!link.device_mac) return {};
    PV_ASSIGN_OR_RETURN(const auto left, net.find(link.device));
    if (!left || left->mac != link.mac || left->mac == link.device_mac) return {};
    return net.set_mac(link.device, *link.device_mac);
}

} // namespace polyvirt::qemu
