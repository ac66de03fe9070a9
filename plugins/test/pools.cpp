// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "pools.h"

namespace polyvirt::test {

namespace storage = sdk::storage;
using sdk::xml::Node;

namespace {

constexpr std::uint64_t kPoolCapacity = std::uint64_t{100} << 30; // where a document gives none

storage::VolumeType usual_type(storage::PoolType pool) {
    switch (pool) {
    case storage::PoolType::dir:
    case storage::PoolType::fs:
    case storage::PoolType::netfs:
    case storage::PoolType::vstorage: return storage::VolumeType::file;
    case storage::PoolType::rbd:
    case storage::PoolType::sheepdog:
    case storage::PoolType::gluster:
    case storage::PoolType::iscsi_direct: return storage::VolumeType::network;
    default: return storage::VolumeType::block;
    }
}

} // namespace

Error no_pool(const StoragePool& pool) {
    return make_error(ErrorCode::no_storage_pool, ErrorDomain::test, "no storage pool with matching uuid '{}' ({})", pool.uuid.to_string(),
                      pool.name);
}
Error pool_inactive(const StoragePool& pool) {
    return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "storage pool '{}' is not active", pool.name);
}

Pools::Pools(Driver& driver)
    : driver_(driver), s_(driver.services()), table_(driver.services(), PV_KIND_POOL, ErrorDomain::test, "pool") {}

Result<DescribedPool> Pools::described(const Node& root) {
    return describe_object<storage::Pool>(root, [](const Node& n) { return storage::parse_pool(n); });
}

Result<DescribedPool> Pools::parse(std::string_view xml) const {
    PV_ASSIGN_OR_RETURN(const Node root, sdk::xml::read(xml, storage::kPoolRoot.what));
    return described(root);
}

Result<Pools::Table::Added> Pools::add(pv_call* call, const DescribedPool& d, bool persistent) {
    const auto pool = std::make_shared<StoragePool>(*d.value->uuid, d.value->name);
    {
        const ObjectLock lock(pool->mu);
        pool->document = d.value; // visible from the next line on, so it must be something that can be shown
        pool->capacity = *d.value->capacity != 0 ? *d.value->capacity : kPoolCapacity;
    }
    const std::string type(storage::kPoolTypes[static_cast<std::size_t>(d.value->type)]);
    std::vector<pv_key> keys{{"type", type.c_str()}};
    if (d.value->target) keys.push_back({"target-path", d.value->target->path.c_str()});
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.attrs = attribute_if(persistent, PV_ATTR_PERSISTENT);
    desc.nkeys = static_cast<std::uint32_t>(keys.size());
    desc.keys = keys.data();
    return table_.add(pool, call, desc);
}

Status Pools::change(const StoragePoolPtr& pool, const Change& change) {
    Status done;
    bool over = false;
    {
        const ObjectLock lock(pool->mu);
        if (pool->removed) return no_pool(*pool);
        done = change(*pool);
        over = !pool->active && !pool->persistent;
        if (over) {
            for (const auto& [name, volume] : pool->volumes) driver_.faults().declare(volume->handle, {});
            driver_.faults().declare(pool->handle, {});
        }
    }
    if (over) table_.remove(*pool);
    return done;
}

Status Pools::change(const StorageVolumePtr& volume, const VolumeChange& change) {
    const StoragePoolPtr pool = volume->pool.lock();
    const auto gone = [&] {
        return make_error(ErrorCode::no_storage_vol, ErrorDomain::test, "no storage vol with matching name '{}'", volume->document.name);
    };
    if (!pool) return gone();
    const ObjectLock lock(pool->mu);
    const auto it = pool->volumes.find(volume->document.name);
    if (pool->removed || it == pool->volumes.end() || it->second != volume) return gone();
    if (!pool->active) return pool_inactive(*pool);
    return change(*pool, *volume);
}

void Pools::show(StoragePool& pool) const {
    set_attributes(s_, pool.handle,
                   attribute_if(pool.active, PV_ATTR_ACTIVE) | attribute_if(pool.persistent, PV_ATTR_PERSISTENT) |
                       attribute_if(pool.autostart, PV_ATTR_AUTOSTART),
                   PV_ATTR_ACTIVE | PV_ATTR_PERSISTENT | PV_ATTR_AUTOSTART);
}

void Pools::post(const StoragePool& pool, std::int32_t event) const {
    post_lifecycle<pv_event_pool_lifecycle>(driver_, PV_KIND_POOL, pool, pool.handle, event);
}

void Pools::post_refresh(const StoragePool& pool) const {
    pv_event_pool_refresh payload{};
    payload.size = sizeof payload;
    post_event(driver_, PV_KIND_POOL, pool, pool.handle, PV_EVENT_POOL_REFRESH, &payload);
}

void Pools::take_faults(StoragePool& pool, const DescribedPool& d) const {
    driver_.faults().declare(pool.handle, d.faults);
    pool.faults_text = d.faults_text;
}

storage::Pool Pools::shown(const StoragePool& pool) const {
    storage::Pool out = *pool.document;
    out.capacity = pool.capacity;
    out.allocation = pool.allocation;
    out.available = pool.available();
    return out;
}

Status Pools::add_volume(pv_call* call, const StoragePoolPtr& shared, StoragePool& pool, const StorageVolumePtr& volume,
                         const FaultSet& faults) {
    storage::Volume& v = volume->document;
    if (pool.volumes.contains(v.name))
        return make_error(ErrorCode::storage_vol_exist, ErrorDomain::test, "'{}'", v.name);
    if (*v.allocation > pool.available())
        return make_error(ErrorCode::internal_error, ErrorDomain::test, "Not enough free space in pool for volume '{}'", v.name);
    const std::string folder = pool.document->target ? pool.document->target->path : pool.document->source->name;
    v.target.path = folder + "/" + v.name;
    v.key = v.target.path;
    if (v.type == storage::VolumeType::unset)
        v.type = v.target.format == "dir" ? storage::VolumeType::dir : usual_type(pool.document->type);
    const pv_key keys[] = {{"key", v.key.c_str()}, {"path", v.target.path.c_str()}};
    auto data = std::make_unique<StorageVolumePtr>(volume);
    pv_obj_desc desc{};
    desc.size = sizeof desc;
    desc.kind = PV_KIND_VOLUME;
    desc.name = v.name.c_str();
    desc.dom_id = -1;
    desc.nkeys = 2;
    desc.keys = keys;
    desc.parent = pool.handle;
    desc.data = data.get();
    desc.release = [](void* d) noexcept { delete static_cast<StorageVolumePtr*>(d); };
    if (s_.registry->publish(s_.host, call, &desc, &volume->handle) != PV_OK)
        return make_error(ErrorCode::operation_failed, ErrorDomain::test, "volume '{}' of pool '{}' cannot be published", v.name, shared->name);
    (void)data.release();
    driver_.faults().declare(volume->handle, faults);
    pool.allocation += *v.allocation;
    pool.volumes.emplace(v.name, volume);
    return {};
}

Status Pools::load(const Node& element) {
    PV_ASSIGN_OR_RETURN(const DescribedPool d, described(element));
    PV_ASSIGN_OR_RETURN(const Table::Added added, add(nullptr, d, true));
    if (!added.fresh) return make_error(ErrorCode::operation_failed, ErrorDomain::test, "pool '{}' is described twice", d.value->name);
    StoragePool& pool = *added.object;
    const ObjectLock lock(pool.mu);
    take_faults(pool, d);
    pool.persistent = true;
    pool.active = true;
    show(pool);
    for (const Node& child : element.children) {
        if (!child.is_element() || child.name != "volume" || !child.uri.empty()) continue;
        PV_ASSIGN_OR_RETURN(const auto v, describe_object<storage::Volume>(
                                              child, [&](const Node& n) { return storage::parse_volume(n, d.value->type); }));
        const auto volume = std::make_shared<StorageVolume>(added.object, budget_);
        volume->document = *v.value;
        volume->faults_text = v.faults_text;
        PV_TRY(add_volume(nullptr, added.object, pool, volume, v.faults));
    }
    return {};
}

} // namespace polyvirt::test
