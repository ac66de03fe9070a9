// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "net/tap.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include "base/error_text.h"
#include "sdk/guest_ports.h"
#include "sdk/netlink/netlink.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

Error failed(std::string_view what) { return make_system_error(errno, ErrorDomain::none, what); }

Result<ifreq> request(const std::string& name) {
    ifreq r{};
    if (name.size() >= sizeof r.ifr_name)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "network interface name '{}' is too long", name);
    std::memcpy(r.ifr_name, name.c_str(), name.size() + 1);
    return r;
}

// The first queue makes it, and the kernel says what it is called.
Result<Tap> make(const Interface& i) {
    Tap tap;
    tap.name = i.target.dev.empty() ? std::string("vnet%d") : i.target.dev;
    for (std::size_t queue = 0; queue < queues_of(i); ++queue) {
        UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
        if (!fd) return failed("Unable to open /dev/net/tun, is tun module loaded?");
        PV_ASSIGN_OR_RETURN(ifreq r, request(tap.name));
        r.ifr_flags = tap_flags(i);
        if (::ioctl(fd.get(), TUNSETIFF, &r) != 0) return failed(fmt::format("Unable to create tap device {}", tap.name));
        tap.name = r.ifr_name;
        tap.fds.push_back(std::move(fd));
    }
    return tap;
}

} // namespace

bool wants_tap(const Interface& i) {
    return i.type == InterfaceType::network || i.type == InterfaceType::bridge || i.type == InterfaceType::ethernet ||
           i.type == InterfaceType::direct;
}

std::size_t queues_of(const Interface& i) {
    return i.model.starts_with("virtio") ? std::max<std::size_t>(i.driver.queues.value_or(1), 1) : 1;
}

short tap_flags(const Interface& i) {
    int flags = IFF_TAP | IFF_NO_PI;
    if (i.model.starts_with("virtio") || i.model == "e1000e") flags |= IFF_VNET_HDR;
    if (queues_of(i) > 1) flags |= IFF_MULTI_QUEUE;
    return static_cast<short>(flags);
}

Result<Tap> open_tap(const Interface& i) {
    PV_TRY(sdk::refuse_virtual_port(i.virtualport));
    PV_ASSIGN_OR_RETURN(sdk::Netlink net, sdk::Netlink::open());
    const std::string& bridge = i.source.bridge;
    std::uint32_t mtu = i.mtu.value_or(0);
    if (!bridge.empty() && mtu == 0) {
        PV_ASSIGN_OR_RETURN(const auto link, net.find(bridge));
        if (!link)
            return make_system_error(ENODEV, ErrorDomain::none,
                                     fmt::format("Cannot get interface MTU on '{}'", bridge));
        mtu = link->mtu;
    }
    PV_ASSIGN_OR_RETURN(Tap tap, make(i));
    if (i.mac.address) {
        sdk::xml::Mac mac =
            *i.mac.address; // the guest's, with a first byte that keeps a bridge from taking it for its own
        mac.bytes[0] = 0xfe;
        PV_TRY(net.set_mac(tap.name, mac));
    }
    if (mtu != 0) PV_TRY(net.set_mtu(tap.name, mtu));
    if (!bridge.empty()) PV_TRY(net.set_master(tap.name, bridge));
    if (i.isolated == sdk::xml::YesNo::yes) PV_TRY(net.set_port(tap.name, {.isolated = true, .learning = {}, .flood = {}}));
    PV_TRY(net.set_up(tap.name, true));
    return tap;
}

} // namespace polyvirt::qemu
