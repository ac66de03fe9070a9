// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Changes of devices that stay.

#include "base/error_text.h"
#include "devices/live.h"

namespace polyvirt::qemu {

namespace dom = sdk::domain;

DeviceOps::Task DeviceOps::update_live(GuestPtr guest, std::string xml, std::uint32_t) {
    PV_CO_ASSIGN_OR_RETURN(const dom::Device device, dom::parse_device(xml, false));
    (void)guest;
    co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "live update of device '{}' is not supported",
                         dom::element_of(device.kind));
}

void on_tray_moved(Run&, const QmpEvent&) {}

} // namespace polyvirt::qemu
