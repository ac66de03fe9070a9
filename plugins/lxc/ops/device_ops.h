// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// pv.dom.device: devices of the persistent description; of a running container, what can come and go: interfaces, file
// systems, and the host's devices.

#include <polyvirt/gen/dom_device.h>

#include "ops/part.h"
#include "sdk/domain/device.h"

namespace polyvirt::lxc {

class DeviceOps final : public Part {
  public:
    using Part::Part;
    using Implements = plugin::implements<ops::dom_device::attach_device, ops::dom_device::detach_device,
                                          ops::dom_device::update_device>;

    pv_status attach_device(pv_call*, const pv_obj*, const pv_dom_attach_device_in&, pv_dom_attach_device_out&);
    pv_status detach_device(pv_call*, const pv_obj*, const pv_dom_detach_device_in&, pv_dom_detach_device_out&);
    pv_status update_device(pv_call*, const pv_obj*, const pv_dom_update_device_in&, pv_dom_update_device_out&);

  private:
    using Verb = sdk::domain::DeviceVerb;
    pv_status modify(pv_call* call, const pv_obj* obj, const char* xml, std::uint32_t flags, Verb verb,
                     const char* function) const;
    Task run(sdk::OperationPtr op, GuestPtr guest, std::string xml, std::uint32_t flags, Verb verb) const;
    // Into the running container, and out of it; `device` as it was said.
    Task give(sdk::OperationPtr op, GuestPtr guest, sdk::domain::Device device) const;
    Task take(sdk::OperationPtr op, GuestPtr guest, sdk::domain::Device device) const;
    Task hand_over(sdk::OperationPtr op, Running now, sdk::domain::Device device, bool add) const;
    [[nodiscard]] Status give_interface(const sdk::OperationPtr& op, const GuestPtr& guest, const Running& now,
                                        sdk::domain::Device device) const PV_NO_LOCKS_HELD;
};

} // namespace polyvirt::lxc
