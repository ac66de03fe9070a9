// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>

#include "sdk/domain/passes/defaults.h"

namespace polyvirt::sdk::domain {
namespace {

constexpr std::uint32_t kUnits = 16, kAdaptersOwn = 7; // of a wide bus

bool holds_place(const DeviceInfo& info, const Address& place) {
    if (!info.address || info.address->type != AddressType::drive) return false;
    const Address& a = *info.address;
    return a.controller.value_or(0) == place.controller && a.bus.value_or(0) == 0 && a.target.value_or(0) == 0 && a.unit.value_or(0) == place.unit;
}

bool is_free(const Devices& v, const Address& place) {
    const auto disk = [&](const Disk& x) { return x.target.bus == DiskBus::scsi && holds_place(x.info, place); };
    const auto hostdev = [&](const Hostdev& x) { return x.type == "scsi" && holds_place(x.info, place); };
    return std::none_of(v.disks.begin(), v.disks.end(), disk) && std::none_of(v.hostdevs.begin(), v.hostdevs.end(), hostdev);
}

} // namespace

void default_hostdevs(Domain& d) {
    for (Hostdev& h : d.devices.hostdevs) {
        const bool placed = h.info.address && h.info.address->type != AddressType::unset;
        if (h.mode != "subsystem" || h.type != "scsi" || placed) continue;
        std::uint32_t controllers = 0;
        for (const Controller& c : d.devices.controllers)
            if (c.type == ControllerType::scsi) controllers = std::max(controllers, c.index.value_or(0) + 1);
        Address place;
        const auto search = [&](std::uint32_t controller) {
            for (std::uint32_t unit = 0; unit < kUnits; unit++) {
                place = Address::drive(controller, 0, 0, unit);
                if (unit != kAdaptersOwn && is_free(d.devices, place)) return true;
            }
            return false;
        };
        // Behind the last is one more, which is made if it comes to that.
        for (std::uint32_t controller = 0; controller <= controllers && !search(controller); controller++) {}
        h.info.address = place;
    }
}

} // namespace polyvirt::sdk::domain
