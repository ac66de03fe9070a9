// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/passes/addresses.h"

#include "sdk/domain/passes/visit.h"

namespace polyvirt::sdk::domain {
namespace {

// What an address leaves out and its kind has counts as 0.
void complete_partial(Domain& d) {
    for_each_info(d, [](DeviceInfo& info, std::string_view) {
        if (!info.address) return;
        Address& a = *info.address;
        auto zero = [](Number& n) { n = n.value_or(0); };
        if (a.type == AddressType::pci && (a.bus || a.slot || a.function)) {
            zero(a.domain), zero(a.bus), zero(a.slot), zero(a.function);
        } else if (a.type == AddressType::drive) {
            zero(a.controller), zero(a.bus), zero(a.target), zero(a.unit);
        } else if (a.type == AddressType::virtio_serial) {
            zero(a.controller), zero(a.bus);
        } else if (a.type == AddressType::usb) {
            zero(a.bus);
        }
    });
}

bool is_companion(const Controller& c) {
    return c.master.startport.has_value() || c.model.rfind("ich9-uhci", 0) == 0;
}

} // namespace

Controller& insert_controller(std::vector<Controller>& list, Controller controller) {
    std::optional<std::size_t> at;
    for (std::size_t i = list.size(); i-- > 0;) {
        const Controller& c = list[i];
        if (c.type != controller.type) continue;
        const bool before =
            controller.index &&
            (c.index > controller.index ||
             (c.index == controller.index && is_companion(c) && !is_companion(controller)));
        if (before)
            at = i;
        else if (!at)
            at = i + 1;
        if (!controller.index) break;
    }
    const auto place = list.begin() + static_cast<std::ptrdiff_t>(at.value_or(list.size()));
    return *list.insert(place, std::move(controller));
}

void order_controllers(std::vector<Controller>& list) {
    std::vector<Controller> ordered;
    for (Controller& c : list) insert_controller(ordered, std::move(c));
    list = std::move(ordered);
}

Status assign_addresses(Domain& d) {
    complete_partial(d);
    assign_virtio_serial(d);
    PV_TRY(assign_usb(d));
    PV_TRY(check_drives(d));
    PV_TRY(assign_pci(d));
    // Without a board that is known no address tells whether the passes were here before.
    if (chipset_of(d) == Chipset::other) order_controllers(d.devices.controllers);
    return {};
}

} // namespace polyvirt::sdk::domain
