// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// pv.dom.device: devices come, go and change, in the persistent description, in the running guest, or both at once.

#include <memory>
#include <optional>
#include <string>

#include <polyvirt/gen/dom_device.h>

#include "part.h"
#include "sdk/domain/device.h"

namespace polyvirt::qemu {

class DeviceOps final : public Part {
  public:
    using Part::Part;
    using Implements = plugin::implements<ops::dom_device::attach_device, ops::dom_device::detach_device,
                                          ops::dom_device::detach_device_alias, ops::dom_device::update_device>;

    pv_status attach_device(pv_call*, const pv_obj*, const pv_dom_attach_device_in&, pv_dom_attach_device_out&);
    pv_status detach_device(pv_call*, const pv_obj*, const pv_dom_detach_device_in&, pv_dom_detach_device_out&);
    pv_status detach_device_alias(pv_call*, const pv_obj*, const pv_dom_detach_device_alias_in&, pv_dom_detach_device_alias_out&);
    pv_status update_device(pv_call*, const pv_obj*, const pv_dom_update_device_in&, pv_dom_update_device_out&);

  private:
    using Verb = sdk::domain::DeviceVerb;
    pv_status modify(pv_call* call, const pv_obj* obj, const char* xml, std::uint32_t flags, Verb verb);
    Task run_change(sdk::OperationPtr op, GuestPtr guest, std::string xml, std::uint32_t flags, Verb verb);
    Task run_detach_alias(sdk::OperationPtr op, GuestPtr guest, std::string alias, std::uint32_t flags);

    // The persistent description with the change made, completed.
    [[nodiscard]] Result<Domain> changed_config(const GuestPtr& guest, const std::string& xml, Verb verb);
    [[nodiscard]] static Result<Domain> config_of(Guest& guest);
    [[nodiscard]] Result<sdk::domain::Device> wanted_device(const Domain& live, const std::string& xml);
    // Both descriptions or neither: `live` is the change of the running guest, not begun yet.
    Task with_config(sdk::OperationPtr op, GuestPtr guest, std::optional<Domain> config, Task live);
    Task attach_live(sdk::OperationPtr op, GuestPtr guest, std::string xml);
    Task detach_live(GuestPtr guest, std::string xml);
    Task detach_alias_live(GuestPtr guest, std::string alias);
    Task detach_there(GuestPtr guest, RunPtr run, std::shared_ptr<const Domain> live, sdk::domain::DeviceRef ref, bool wait);
    Task update_live(GuestPtr guest, std::string xml, std::uint32_t flags);
};

} // namespace polyvirt::qemu
