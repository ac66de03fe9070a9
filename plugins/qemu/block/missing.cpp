// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "block/missing.h"

#include <cerrno>

#include <unistd.h>

#include "block/chain.h"
#include "driver.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

std::vector<MissingSource> drop_missing(Domain& domain) {
    std::vector<MissingSource> missing;
    std::erase_if(domain.devices.disks, [&missing](Disk& disk) {
        if (!disk.source || disk.source->startup_policy != "optional") return false;
        const Chain chain = chain_of(disk);
        const std::string path = chain.links.empty() ? std::string() : chain.links.front().path();
        // Only what is not there; what may not be read is an error like any other.
        if (path.empty() || ::access(path.c_str(), F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR)) return false;
        const bool drive = disk.device == DiskDevice::cdrom || disk.device == DiskDevice::floppy;
        missing.push_back({disk.info.alias.name, path, !drive});
        disk.source.reset();
        disk.backing.clear();
        return !drive;
    });
    return missing;
}

void post_missing(const Driver& driver, const Guest& guest, const MissingSource& missing) {
    pv_event_domain_disk_change payload{};
    payload.size = sizeof payload;
    payload.old_src_path = missing.path.c_str();
    payload.dev_alias = missing.alias.c_str();
    payload.reason = missing.whole ? PV_DOMAIN_EVENT_DISK_DROP_MISSING_ON_START : PV_DOMAIN_EVENT_DISK_CHANGE_MISSING_ON_START;
    driver.post_event(guest, PV_EVENT_DOMAIN_DISK_CHANGE, &payload);
}

} // namespace polyvirt::qemu
