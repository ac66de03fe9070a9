// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "net/tap.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/error_text.h"

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

Result<std::uint32_t> mtu_of(int control, const std::string& name) {
    PV_ASSIGN_OR_RETURN(ifreq r, request(name));
    if (::ioctl(control, SIOCGIFMTU, &r) != 0) return failed(fmt::format("Cannot get interface MTU on '{}'", name));
    return static_cast<std::uint32_t>(r.ifr_mtu);
}

Status set_mtu(int control, const std::string& name, std::uint32_t mtu) {
    PV_ASSIGN_OR_RETURN(ifreq r, request(name));
    r.ifr_mtu = static_cast<int>(mtu);
    if (::ioctl(control, SIOCSIFMTU, &r) != 0) return failed(fmt::format("Cannot set interface MTU on '{}'", name));
    return {};
}

// The guest's, with a first byte that keeps a bridge from taking it for its own.
Status set_mac(int control, const std::string& name, const sdk::xml::Mac& mac) {
    PV_ASSIGN_OR_RETURN(ifreq r, request(name));
    r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    std::memcpy(r.ifr_hwaddr.sa_data, mac.bytes.data(), mac.bytes.size());
    r.ifr_hwaddr.sa_data[0] = static_cast<char>(0xfe);
    if (::ioctl(control, SIOCSIFHWADDR, &r) != 0) return failed(fmt::format("Cannot set interface MAC on '{}'", name));
    return {};
}

Status join_bridge(int control, const std::string& name, const std::string& bridge) {
    PV_ASSIGN_OR_RETURN(ifreq port, request(name));
    PV_ASSIGN_OR_RETURN(ifreq r, request(bridge));
    if (::ioctl(control, SIOCGIFINDEX, &port) != 0) return failed(fmt::format("Cannot find interface '{}'", name));
    r.ifr_ifindex = port.ifr_ifindex;
    if (::ioctl(control, SIOCBRADDIF, &r) != 0)
        return failed(fmt::format("Unable to add bridge {} port {}", bridge, name));
    return {};
}

Status set_up(int control, const std::string& name) {
    PV_ASSIGN_OR_RETURN(ifreq r, request(name));
    if (::ioctl(control, SIOCGIFFLAGS, &r) != 0) return failed(fmt::format("Cannot get interface flags on '{}'", name));
    r.ifr_flags = static_cast<short>(r.ifr_flags | IFF_UP);
    if (::ioctl(control, SIOCSIFFLAGS, &r) != 0) return failed(fmt::format("Cannot set interface flags on '{}'", name));
    return {};
}

Result<Tap> make(const Interface& i) {
    Tap tap;
    tap.alias = i.info.alias.name;
    const std::string wanted = i.target.dev.empty() ? std::string("vnet%d") : i.target.dev;
    tap.fd = UniqueFd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (!tap.fd) return failed("Unable to open /dev/net/tun, is tun module loaded?");
    PV_ASSIGN_OR_RETURN(ifreq r, request(wanted));
    r.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (i.model.starts_with("virtio") || i.model == "e1000e") r.ifr_flags |= IFF_VNET_HDR;
    if (::ioctl(tap.fd.get(), TUNSETIFF, &r) != 0) return failed(fmt::format("Unable to create tap device {}", wanted));
    tap.name = r.ifr_name;
    return tap;
}

} // namespace

bool wants_tap(const Interface& i) { return i.type == InterfaceType::bridge || i.type == InterfaceType::ethernet; }

Result<Tap> open_tap(const Interface& i) {
    if (!i.script.empty() && i.script != "no")
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu,
                          "interface '{}': a script for its host's end is not supported by this version", i.info.alias.name);
    const UniqueFd control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!control) return failed("cannot make a socket");
    const bool bridged = i.type == InterfaceType::bridge;
    std::uint32_t mtu = i.mtu.value_or(0);
    if (bridged && mtu == 0) {
        PV_ASSIGN_OR_RETURN(mtu, mtu_of(control.get(), i.source.bridge));
    }
    PV_ASSIGN_OR_RETURN(Tap tap, make(i));
    if (i.mac.address) PV_TRY(set_mac(control.get(), tap.name, *i.mac.address));
    if (mtu != 0) PV_TRY(set_mtu(control.get(), tap.name, mtu));
    if (bridged) PV_TRY(join_bridge(control.get(), tap.name, i.source.bridge));
    PV_TRY(set_up(control.get(), tap.name));
    return tap;
}

} // namespace polyvirt::qemu
