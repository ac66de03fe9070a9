// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "hostdev/usb.h"

#include <utility>
#include <vector>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

using sdk::domain::Hostdev;

constexpr const char* kUsbDevices = "/sys/bus/usb/devices";

struct UsbDevice {
    std::uint32_t vendor = 0, product = 0, bus = 0, device = 0;
};

Result<std::vector<UsbDevice>> usb_devices(const Sysfs& host) {
    std::vector<UsbDevice> out;
    PV_ASSIGN_OR_RETURN(const auto names, host.names(kUsbDevices));
    for (const std::string& name : names) {
        if (name.find(':') != std::string::npos) continue; // an interface of a device
        const std::string folder = fmt::format("{}/{}/", kUsbDevices, name);
        const auto vendor = host.number(folder + "idVendor", 16), product = host.number(folder + "idProduct", 16);
        const auto bus = host.number(folder + "busnum", 10), device = host.number(folder + "devnum", 10);
        if (vendor && product && bus && device) out.push_back({*vendor, *product, *bus, *device}); // else it is just going
    }
    return out;
}

// What the document says of it, as the peer puts it.
std::string wanted_text(const Hostdev& h) {
    const auto& s = h.source;
    std::string out;
    if (s.vendor.id) out = fmt::format("{:04x}:{:04x}", *s.vendor.id, s.product.id.value_or(0));
    if (s.address && s.address->bus) out += fmt::format("{}bus:{} device:{}", out.empty() ? "" : " ", *s.address->bus, s.address->device.value_or(0));
    return out;
}

} // namespace

Status find_usb(const Sysfs& host, Hostdev& h, bool required, bool moves) {
    auto& s = h.source;
    const bool placed = s.address && s.address->bus && s.address->device;
    if (!placed && !s.vendor.id)
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "USB host device is missing bus/device information");
    const auto devices = usb_devices(host);
    if (!devices && required) return devices.error();
    std::vector<UsbDevice> there, elsewhere;
    for (const UsbDevice& d : devices.value_or(std::vector<UsbDevice>())) {
        if (s.vendor.id && (d.vendor != *s.vendor.id || d.product != s.product.id.value_or(0))) continue;
        const bool here = !placed || (d.bus == *s.address->bus && d.device == *s.address->device);
        (here ? there : elsewhere).push_back(d);
    }
    if (there.empty() && moves && s.vendor.id) there = std::move(elsewhere);
    if (there.size() > 1)
        return make_error(ErrorCode::operation_failed, ErrorDomain::none, "Multiple USB devices for {:x}:{:x}, use <address> to specify one",
                          s.vendor.id.value_or(0), s.product.id.value_or(0));
    if (there.empty() && required)
        return make_error(ErrorCode::internal_error, ErrorDomain::none, "Did not find USB device {}", wanted_text(h));
    s.missing = there.empty() ? sdk::domain::YesNo::yes : sdk::domain::YesNo::unset;
    if (there.empty()) return {};
    if (!s.address) s.address.emplace();
    s.address->bus = there.front().bus;
    s.address->device = there.front().device;
    return {};
}

HeldDevice held_usb(const Hostdev& h) {
    const std::uint32_t bus = h.source.address->bus.value_or(0), device = h.source.address->device.value_or(0);
    return {.kind = HostKind::usb,
            .name = fmt::format("{:03}:{:03}", bus, device),
            .alias = h.info.alias.name,
            .node = fmt::format("/dev/bus/usb/{:03}/{:03}", bus, device)};
}

} // namespace polyvirt::qemu
