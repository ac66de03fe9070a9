// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "launch/volumes.h"

#include <algorithm>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/driver.h>
#include <polyvirt/gen/sto_vol.h>

#include "base/error_text.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

namespace {

struct Where {
    std::uint64_t volume = 0;
    std::string path;
};

Result<Where> look_up(const plugin::Neighbours& others, const DiskSource& source) {
    PV_ASSIGN_OR_RETURN(const std::uint64_t pool, others.find(PV_KIND_POOL, source.pool));
    if (pool == 0)
        return make_error(ErrorCode::no_storage_pool, ErrorDomain::storage, "no storage pool with matching name '{}'", source.pool);
    PV_ASSIGN_OR_RETURN(const auto seen, others.describe(PV_KIND_POOL, pool));
    if (!seen || (seen->object.attrs & PV_ATTR_ACTIVE) == 0)
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "storage pool '{}' containing volume '{}' is not active", source.pool,
                          source.volume);
    Where where;
    PV_ASSIGN_OR_RETURN(where.volume, others.find(PV_KIND_VOLUME, source.volume, pool));
    const auto volume = where.volume != 0 ? others.describe(PV_KIND_VOLUME, where.volume, "path")
                                          : Result<std::optional<plugin::Neighbours::Seen>>(std::nullopt);
    if (!volume) return volume.error();
    if (!*volume)
        return make_error(ErrorCode::no_storage_vol, ErrorDomain::storage, "no storage vol with matching name '{}'", source.volume);
    where.path = (*volume)->value;
    return where;
}

} // namespace

Status find_volume(const plugin::Services& s, pv_call* call, Disk& disk) {
    if (disk.type != DiskType::volume || !disk.source || disk.source->pool.empty()) return {};
    DiskSource& source = *disk.source;
    if (!source.mode.empty())
        return make_error(ErrorCode::xml_error, ErrorDomain::qemu, "disk source mode is only valid when storage pool is of iscsi type");
    const plugin::Neighbours others(s, call);
    PV_ASSIGN_OR_RETURN(const Where where, look_up(others, source));
    pv_vol_info_out info{};
    PV_TRY(others.call<ops::sto_vol::info>(where.volume, {}, info));
    switch (info.type) {
    case PV_STORAGE_VOL_FILE:
        disk.type = DiskType::file;
        source.file = where.path;
        return {};
    case PV_STORAGE_VOL_BLOCK:
        disk.type = DiskType::block;
        source.dev = where.path;
        return {};
    case PV_STORAGE_VOL_DIR:
        disk.type = DiskType::dir;
        source.dir = where.path;
        return {};
    default:
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "volume '{}' of pool '{}' is neither file, device nor folder",
                          source.volume, source.pool);
    }
}

Status find_volumes(const plugin::Services& s, pv_call* call, Domain& domain) {
    for (Disk& disk : domain.devices.disks) PV_TRY(find_volume(s, call, disk));
    return {};
}

std::string format_written(const Domain& live, const FormatOptions& options) {
    const auto is_found = [](const Disk& d) { return d.type != DiskType::volume && d.source && !d.source->pool.empty(); };
    const auto& disks = live.devices.disks;
    if (std::none_of(disks.begin(), disks.end(), is_found)) return format_domain(live, options);
    Domain written = live;
    for (Disk& disk : written.devices.disks) {
        if (!is_found(disk)) continue;
        disk.type = DiskType::volume;
        disk.source->file.clear();
        disk.source->dev.clear();
        disk.source->dir.clear();
    }
    return format_domain(written, options);
}

} // namespace polyvirt::qemu
