// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the driver knows of pools and volumes. Queries are answered from this and nothing else: it is a picture of the
// last refresh, swapped in whole under the pool's lock, and brought up to date by what the driver itself does. A volume
// lives under its pool's lock. Any thread.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "sdk/object_table.h"
#include "sdk/program.h"
#include "sdk/storage/volume.h"

namespace polyvirt::storage {

namespace doc = sdk::storage;

using PoolDocument = std::shared_ptr<const doc::Pool>;
using VolumeDocument = std::shared_ptr<const doc::Volume>;

struct StoragePool;

// What the registry hands back for a volume. All but the first two: under the pool's lock.
struct StorageVolume {
    StorageVolume(std::weak_ptr<StoragePool> owner, std::string its_name) : pool(std::move(owner)), name(std::move(its_name)) {}

    const std::weak_ptr<StoragePool> pool;
    const std::string name;
    std::uint64_t handle = 0;
    VolumeDocument document;
    std::uint64_t born = 0; // the pool's clock when it came in
    unsigned users = 0;     // streams and copies; nobody deletes it meanwhile
    bool removed = false;
};
using StorageVolumePtr = std::shared_ptr<StorageVolume>;

struct StoragePool : sdk::Object {
    using Object::Object;

    PoolDocument document PV_GUARDED_BY(mu);
    PoolDocument next PV_GUARDED_BY(mu); // defined anew while it is active
    bool persistent PV_GUARDED_BY(mu) = false;
    bool active PV_GUARDED_BY(mu) = false;
    bool autostart PV_GUARDED_BY(mu) = false;
    std::uint64_t capacity PV_GUARDED_BY(mu) = 0;
    std::uint64_t allocation PV_GUARDED_BY(mu) = 0;
    std::uint64_t available PV_GUARDED_BY(mu) = 0;
    std::optional<doc::Permissions> permissions PV_GUARDED_BY(mu); // as they are, of an active one
    std::map<std::string, StorageVolumePtr> volumes PV_GUARDED_BY(mu);
    // Names of volumes that are being made or have just gone, so that a refresh that began before neither loses nor revives one.
    std::map<std::string, std::uint64_t> coming PV_GUARDED_BY(mu), gone PV_GUARDED_BY(mu);
    std::uint64_t clock PV_GUARDED_BY(mu) = 0;
    unsigned jobs PV_GUARDED_BY(mu) = 0; // volumes are being made; it is not stopped meanwhile
    // Since when it does not answer (seconds since 1970; 0: it does), and what it was asked.
    std::int64_t degraded_since PV_GUARDED_BY(mu) = 0;
    // Figures of volumes are looked at again when they are asked for, but not before this.
    std::chrono::steady_clock::time_point sample_after PV_GUARDED_BY(mu){};
    const sdk::Lingering lingering = sdk::make_lingering();
};
using StoragePoolPtr = std::shared_ptr<StoragePool>;

} // namespace polyvirt::storage
