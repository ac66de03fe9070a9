// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// A device that is to come, before it is looked where it could go.

#include "devices/live.h"
#include "sdk/domain/passes.h"
#include "validate.h"

namespace polyvirt::qemu {

namespace dom = sdk::domain;

void fill_attached(dom::Device& device) {
    if (device.kind != dom::DeviceKind::shmem) return;
    auto& shmem = device.as<dom::Shmem>();
    if (shmem.model == "ivshmem-plain" && !shmem.size) shmem.size = 4, shmem.size_unit = std::string(1, 'M');
    if (shmem.model == "ivshmem-doorbell") {
        if (!shmem.msi) shmem.msi.emplace();
        if (shmem.msi->ioeventfd == dom::OnOff::unset) shmem.msi->ioeventfd = dom::OnOff::on;
    }
}

Status check_attached(const Domain& domain, const dom::Device& device, const dom::Device& full, bool spice_tls) {
    Domain tried = domain;
    dom::add_device(tried.devices, device);
    PV_TRY(dom::validate(tried));
    tried = domain;
    dom::add_device(tried.devices, full);
    return qemu::validate(tried, spice_tls);
}

Result<std::vector<Need>> needs_of_device(const dom::Device& device) {
    if (device.kind == dom::DeviceKind::disk) return needs_of(device.as<dom::Disk>());
    if (std::holds_alternative<dom::Chardev>(device.value)) return needs_of(device.as<dom::Chardev>());
    Domain alone;
    dom::add_device(alone.devices, device);
    return needs_of(alone);
}

} // namespace polyvirt::qemu
