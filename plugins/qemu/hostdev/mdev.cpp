// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "hostdev/mdev.h"

#include "base/error_text.h"

namespace polyvirt::qemu {

Result<HeldDevice> held_mdev(const Sysfs& host, const sdk::domain::Hostdev& h) {
    if (!host.exists("/dev/vfio/vfio"))
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "Mediated host device assignment requires VFIO support");
    const std::string uuid = h.source.address ? h.source.address->uuid : std::string();
    if (uuid.empty() || uuid.find('/') != std::string::npos)
        return make_error(ErrorCode::config_unsupported, ErrorDomain::domain, "Missing 'uuid' attribute for element <address>");
    const std::string folder = "/sys/bus/mdev/devices/" + uuid;
    if (!host.exists(folder)) return make_error(ErrorCode::device_missing, ErrorDomain::none, "mediated device '{}' not found", uuid);
    const std::string api = host.text(folder + "/mdev_type/device_api");
    if (!api.empty() && api != h.model)
        return make_error(ErrorCode::config_unsupported, ErrorDomain::none, "invalid device API '{}' for device {}: device only supports '{}'",
                          h.model, uuid, api);
    const std::string group = host.target(folder + "/iommu_group");
    if (group.empty())
        return make_error(ErrorCode::internal_error, ErrorDomain::none, "mediated device '{}' has no IOMMU group", uuid);
    return HeldDevice{.kind = HostKind::mdev, .name = uuid, .alias = h.info.alias.name, .node = "/dev/vfio/" + group};
}

} // namespace polyvirt::qemu
