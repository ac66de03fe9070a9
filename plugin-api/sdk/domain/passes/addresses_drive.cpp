// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <map>
#include <tuple>

#include "base/error_text.h"
#include "sdk/domain/passes/addresses.h"

namespace polyvirt::sdk::domain {

Status check_drives(Domain& d) {
    std::map<std::tuple<DiskBus, std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>,
             const Disk*>
        use;
    for (const Disk& disk : d.devices.disks) {
        if (!disk.info.address || disk.info.address->type != AddressType::drive) continue;
        const Address& a = *disk.info.address;
        const auto key = std::tuple(disk.target.bus, a.controller.value_or(0), a.bus.value_or(0),
                                    a.target.value_or(0), a.unit.value_or(0));
        if (use.emplace(key, &disk).second) continue;
        return make_error(
            ErrorCode::config_unsupported, ErrorDomain::domain,
            "Found duplicate drive address for disk with target name '{}' controller='{}' bus='{}' "
            "target='{}' unit='{}'",
            disk.target.dev, a.controller.value_or(0), a.bus.value_or(0), a.target.value_or(0),
            a.unit.value_or(0));
    }
    for (const Hostdev& h : d.devices.hostdevs) {
        if (h.type != "scsi" || !h.info.address || h.info.address->type != AddressType::drive)
            continue;
        const Address& a = *h.info.address;
        const auto found =
            use.find(std::tuple(DiskBus::scsi, a.controller.value_or(0), a.bus.value_or(0),
                                a.target.value_or(0), a.unit.value_or(0)));
        if (found == use.end()) continue;
        return make_error(ErrorCode::config_unsupported, ErrorDomain::domain,
                          "using disk target name '{}' conflicts with SCSI host device address "
                          "controller='{}' bus='{}' "
                          "target='{}' unit='{}'",
                          found->second->target.dev, a.controller.value_or(0), a.bus.value_or(0),
                          a.target.value_or(0), a.unit.value_or(0));
    }
    return {};
}

} // namespace polyvirt::sdk::domain
