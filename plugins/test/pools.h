// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Storage pools and their volumes. A volume lives under its pool's lock. Any thread.

#include <map>
#include <memory>

#include "contents.h"
#include "described.h"
#include "sdk/storage/volume.h"

namespace polyvirt::test {

using PoolDocument = std::shared_ptr<const sdk::storage::Pool>;

struct StoragePool;

// What the registry hands back for a volume; its fields are guarded by the pool's lock.
struct StorageVolume {
    StorageVolume(std::weak_ptr<StoragePool> owner, Budget& budget) : pool(std::move(owner)), contents(budget) {}

    const std::weak_ptr<StoragePool> pool;
    std::uint64_t handle = 0;
    sdk::storage::Volume document;
    Contents contents;
    unsigned users = 0; // streams and copies; it is not deleted meanwhile
    std::shared_ptr<const sdk::xml::Node> faults_text;
};
using StorageVolumePtr = std::shared_ptr<StorageVolume>;

struct StoragePool : sdk::Object {
    using Object::Object;

    PoolDocument document PV_GUARDED_BY(mu);   // its sizes are those of the figures below when it is shown
    PoolDocument next PV_GUARDED_BY(mu);       // defined anew while it runs
    bool persistent PV_GUARDED_BY(mu) = false;
    bool active PV_GUARDED_BY(mu) = false;
    bool autostart PV_GUARDED_BY(mu) = false;
    std::uint64_t capacity PV_GUARDED_BY(mu) = 0;
    std::uint64_t allocation PV_GUARDED_BY(mu) = 0;
    std::shared_ptr<const sdk::xml::Node> faults_text PV_GUARDED_BY(mu);
    std::map<std::string, StorageVolumePtr> volumes PV_GUARDED_BY(mu);

    [[nodiscard]] std::uint64_t available() const PV_REQUIRES(mu) { return capacity > allocation ? capacity - allocation : 0; }
};
using StoragePoolPtr = std::shared_ptr<StoragePool>;
using DescribedPool = DescribedObject<sdk::storage::Pool>;

Error no_pool(const StoragePool& pool);
Error pool_inactive(const StoragePool& pool);

class Pools final : public Part {
  public:
    using Table = sdk::ObjectTable<StoragePool>;
    // Under the pool's lock.
    using Change = std::function<Status(StoragePool&)>;
    using VolumeChange = std::function<Status(StoragePool&, StorageVolume&)>;

    explicit Pools(Driver& driver);

    [[nodiscard]] bool knows(std::string_view element) const override { return element == "pool"; }
    // <volume> elements inside are volumes of the pool.
    Status load(const sdk::xml::Node& element) override;

    static StoragePoolPtr of(const pv_obj* obj) { return Table::from(obj); }
    static StorageVolumePtr volume_of(const pv_obj* obj) { return *static_cast<StorageVolumePtr*>(obj->data); }
    [[nodiscard]] Budget& budget() { return budget_; }

    [[nodiscard]] Result<DescribedPool> parse(std::string_view xml) const;
    [[nodiscard]] Result<Table::Added> add(pv_call* call, const DescribedPool& described, bool persistent);
    // Runs `change` unless the pool has gone; one that is neither defined nor active afterwards goes.
    Status change(const StoragePoolPtr& pool, const Change& change) PV_NO_LOCKS_HELD;
    // The same for a volume of an active pool.
    Status change(const StorageVolumePtr& volume, const VolumeChange& change) PV_NO_LOCKS_HELD;

    void show(StoragePool& pool) const PV_REQUIRES(pool.mu);
    void post(const StoragePool& pool, std::int32_t event) const PV_REQUIRES(pool.mu);
    void post_refresh(const StoragePool& pool) const PV_REQUIRES(pool.mu);
    void take_faults(StoragePool& pool, const DescribedPool& described) const PV_REQUIRES(pool.mu);
    // The document with the figures of now.
    [[nodiscard]] sdk::storage::Pool shown(const StoragePool& pool) const PV_REQUIRES(pool.mu);

    // Completes and publishes a volume: place, key, figures.
    Status add_volume(pv_call* call, const StoragePoolPtr& shared, StoragePool& pool, const StorageVolumePtr& volume,
                      const FaultSet& faults) PV_REQUIRES(pool.mu);

  private:
    [[nodiscard]] static Result<DescribedPool> described(const sdk::xml::Node& root);

    Driver& driver_;
    const plugin::Services& s_;
    Budget budget_;
    Table table_; // after the budget, which volumes use to the last
};

} // namespace polyvirt::test
