// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sample.h"

#include <chrono>

#include "volume_ops.h"

namespace polyvirt::storage {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPause = std::chrono::seconds(30);
constexpr std::int64_t kWait = 250'000'000;

// Null: what is known is young enough, or there is no point in asking.
StoragePoolPtr due(const StorageVolumePtr& volume, PoolDocument& document, std::uint64_t& since) {
    StoragePoolPtr pool = volume->pool.lock();
    if (!pool) return nullptr;
    const ObjectLock lock(pool->mu);
    const auto now = Clock::now();
    if (pool->removed || !pool->active || pool->degraded_since != 0 || now < pool->sample_after) return nullptr;
    const auto type = pool->document->type;
    if (type != doc::PoolType::dir && type != doc::PoolType::fs && type != doc::PoolType::netfs) return nullptr;
    if (*pool->lingering != 0) return nullptr;
    pool->sample_after = now + kPause; // unless it goes well; nobody else asks meanwhile
    document = pool->document;
    since = pool->clock;
    return pool;
}

// The document, with the figures of now.
VolumeDocument merged(doc::Volume document, const doc::Volume& now) {
    if (document.target.format == now.target.format) document.capacity = now.capacity;
    document.allocation = now.allocation;
    document.physical = now.physical;
    document.target.permissions = now.target.permissions;
    document.target.timestamps = now.target.timestamps;
    return std::make_shared<const doc::Volume>(std::move(document));
}

Task<Status> sample(Driver* driver, StoragePoolPtr pool, PoolDocument document, std::uint64_t since) {
    Place place = driver->place_of(*pool, document);
    place.patience.deadline_ns = kWait;
    const auto found = co_await driver->backend(document->type).refresh(place);
    PV_CO_TRY(found);
    const ObjectLock lock(pool->mu);
    if (!pool->active || pool->document != document) co_return Status{};
    if (pool->clock != since) co_return Status{}; // what was done meanwhile is newer
    // Of volumes that are known, their figures; what is new waits for a refresh.
    Found known = *found;
    known.volumes.clear();
    for (const VolumeDocument& v : found->volumes)
        if (const auto it = pool->volumes.find(v->name); it != pool->volumes.end()) known.volumes.push_back(merged(*it->second->document, *v));
    driver->take_figures(*pool, known);
    pool->sample_after = Clock::now() + kSampleAge;
    co_return Status{};
}

} // namespace

pv_status when_sampled(Driver& driver, pv_call* call, const StorageVolumePtr& volume, std::function<pv_status()> answer) {
    PoolDocument document;
    std::uint64_t since = 0;
    const StoragePoolPtr pool = due(volume, document, since);
    if (!pool) return answer();
    const plugin::Services& s = driver.services();
    sdk::start(sample(&driver, pool, document, since), [&s, call, answer = std::move(answer)](const Status&) {
        pv_status status = PV_FAIL;
        plugin::guarded("sample", [&] { status = answer(); });
        s.call->complete(call, status);
    });
    return PV_PENDING;
}

} // namespace polyvirt::storage
