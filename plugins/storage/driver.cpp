// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "driver.h"

#include <ctime>
#include <set>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/call.h>

#include "base/error_text.h"
#include "base/log.h"
#include "sample.h"

namespace polyvirt::storage {

Error no_pool(const StoragePool& pool) {
    return make_error(ErrorCode::no_storage_pool, ErrorDomain::storage, "no storage pool with matching uuid '{}' ({})", pool.uuid.to_string(),
                      pool.name);
}
Error not_active(const StoragePool& pool) {
    return make_error(ErrorCode::operation_invalid, ErrorDomain::storage, "storage pool '{}' is not active", pool.name);
}
Error has_jobs(const StoragePool& pool) {
    return make_error(ErrorCode::internal_error, ErrorDomain::storage, "pool '{}' has asynchronous jobs running.", pool.name);
}
Error missing_backend(doc::PoolType type) {
    const auto number = static_cast<int>(type) - 1; // the peer's
    return make_error(ErrorCode::internal_error, ErrorDomain::storage, "missing backend for pool type {} ({})", number,
                      doc::kPoolTypes[static_cast<std::size_t>(type)]);
}

Driver::Driver(const plugin::Services& services)
    : DriverBase(services), configs_(s_, PV_STATE_CONFIG, ErrorDomain::storage), statuses_(s_, PV_STATE_STATUS, ErrorDomain::storage),
      data_(s_, PV_STATE_DATA, ErrorDomain::storage), agent_(s_, loop_), pools_(s_, PV_KIND_POOL, ErrorDomain::storage, "pool") {
    for (std::size_t i = 1; i < std::size(doc::kPoolTypes); ++i) {
        const auto type = static_cast<doc::PoolType>(i);
        if (auto backend = make_backend(type, agent_)) backends_.emplace(type, std::move(backend));
    }
}

Place Driver::place_of(const StoragePool& pool, PoolDocument document) const {
    return {std::move(document), {.pool = pool.name, .deadline_ns = settings_.deadline_ns, .lingering = pool.lingering}};
}

pv_status Driver::with_job(pv_call* call, const StoragePoolPtr& pool, const char* what, Body body) {
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(pool->mu);
        handle = pool->handle;
    }
    return sdk::Operation::start(s_, loop_, {.call = call, .object = handle, .what = what},
                                 [pool, body = std::move(body)](const sdk::OperationPtr& op) {
                                     bool removed = false;
                                     {
                                         const ObjectLock lock(pool->mu);
                                         removed = pool->removed;
                                     }
                                     if (removed) return op->finish(no_pool(*pool));
                                     sdk::start(body(op, pool), [op](const Status& outcome) { op->finish(outcome); });
                                 });
}

Task<Status> Driver::start_pool(StoragePoolPtr pool, PoolDocument document) {
    Backend& back = backend(document->type);
    const Place place = place_of(*pool, document);
    PV_CO_TRY(co_await back.start(place));
    auto found = co_await back.refresh(place);
    Status saved;
    if (found) saved = statuses_.put(config_record(pool->name), doc::format_pool(*document));
    if (!found || !saved) {
        (void)co_await back.stop(place);
        co_return found ? std::move(saved) : Status(std::move(found).error());
    }
    {
        const ObjectLock lock(pool->mu);
        if (document != pool->document) {
            if (pool->persistent && !pool->next) pool->next = pool->document;
            pool->document = document;
        }
        pool->active = true;
        pool->degraded_since = 0;
        take(pool, *pool, *found, pool->clock);
        show(*pool);
        post(*pool, PV_STORAGE_POOL_EVENT_STARTED);
    }
    clear_up();
    co_return Status{};
}

Task<Status> Driver::stop_pool(StoragePoolPtr pool) {
    PoolDocument document;
    {
        const ObjectLock lock(pool->mu);
        document = pool->document;
    }
    const Status stopped = co_await backend(document->type).stop(place_of(*pool, document));
    PV_CO_TRY(stopped);
    PV_CO_TRY(statuses_.remove(config_record(pool->name)));
    const ObjectLock lock(pool->mu);
    while (!pool->volumes.empty()) retire(*pool, pool->volumes.begin()->second);
    pool->active = false;
    pool->permissions.reset();
    pool->degraded_since = 0;
    if (pool->next) pool->document = std::move(pool->next);
    pool->next.reset();
    show(*pool);
    post(*pool, PV_STORAGE_POOL_EVENT_STOPPED);
    co_return Status{};
}

Task<Status> Driver::refresh_pool(StoragePoolPtr pool) {
    PoolDocument document;
    std::uint64_t since = 0;
    {
        const ObjectLock lock(pool->mu);
        if (!pool->active) co_return not_active(*pool);
        if (pool->jobs != 0) co_return has_jobs(*pool);
        document = pool->document;
        pool->gone.clear();
        since = pool->clock;
    }
    auto found = co_await backend(document->type).refresh(place_of(*pool, document));
    Status outcome = found ? Status() : Status(found.error());
    note_health(pool, outcome);
    if (found) {
        const ObjectLock lock(pool->mu);
        take(pool, *pool, *found, since);
        post_refresh(*pool);
        co_return Status{};
    }
    // One that does not answer may again; of any other, nothing is left to show.
    if (outcome.error().code == ErrorCode::operation_timeout || outcome.error().code == ErrorCode::operation_aborted) co_return outcome;
    const Status stopped = co_await stop_pool(pool);
    if (!stopped) log::error("storage", "pool '{}': {}", pool->name, stopped.error().message);
    co_return outcome;
}

void Driver::drop_unwanted(const StoragePoolPtr& pool) {
    {
        const ObjectLock lock(pool->mu);
        if (pool->active || pool->persistent || pool->removed) return;
    }
    pools_.remove(*pool);
}

void Driver::note_health(const StoragePoolPtr& pool, const Status& answer) const {
    const bool late = !answer && answer.error().code == ErrorCode::operation_timeout;
    std::int64_t since = 0;
    {
        const ObjectLock lock(pool->mu);
        since = pool->degraded_since;
        if (late && since == 0) pool->degraded_since = std::time(nullptr);
        if (answer) pool->degraded_since = 0;
    }
    if (late && since == 0) log::warning("storage", "{}", answer.error().message);
    if (answer && since != 0) log::info("storage", "storage pool '{}' answers again, after {} s", pool->name, std::time(nullptr) - since);
}

void Driver::show(StoragePool& pool) const {
    pv_obj_update update{};
    update.size = sizeof update;
    update.what = PV_UPDATE_ATTRS | PV_UPDATE_KEYS;
    update.attrs_mask = PV_ATTR_ACTIVE | PV_ATTR_PERSISTENT | PV_ATTR_AUTOSTART;
    if (pool.active) update.attrs |= PV_ATTR_ACTIVE;
    if (pool.persistent) update.attrs |= PV_ATTR_PERSISTENT;
    if (pool.autostart) update.attrs |= PV_ATTR_AUTOSTART;
    const std::string type(doc::kPoolTypes[static_cast<std::size_t>(pool.document->type)]);
    const pv_key keys[] = {{"type", type.c_str()}, {"target-path", pool.document->target ? pool.document->target->path.c_str() : ""}};
    update.keys = keys;
    update.nkeys = pool.document->target ? 2 : 1;
    s_.registry->update(s_.host, pool.handle, &update);
}

void Driver::post(const StoragePool& pool, std::int32_t event) const {
    pv_event_pool_lifecycle payload{};
    payload.event = event;
    events_.post(PV_KIND_POOL, PV_EVENT_POOL_LIFECYCLE, {.handle = pool.handle, .uuid = pool.uuid, .name = pool.name}, payload);
}
void Driver::post_refresh(const StoragePool& pool) const {
    events_.post(PV_KIND_POOL, PV_EVENT_POOL_REFRESH, {.handle = pool.handle, .uuid = pool.uuid, .name = pool.name}, pv_event_pool_refresh{});
}

void Driver::take(const StoragePoolPtr& shared, StoragePool& pool, const Found& found, std::uint64_t since) {
    std::set<std::string> seen;
    for (const VolumeDocument& document : found.volumes) {
        const std::string& name = document->name;
        if (pool.gone.contains(name) || pool.coming.contains(name)) continue;
        seen.insert(name);
        if (const auto it = pool.volumes.find(name); it != pool.volumes.end()) {
            if (it->second->document->key == document->key) continue; // take_figures() does the rest
            retire(pool, StorageVolumePtr(it->second));               // another one of that name
        }
        const auto volume = std::make_shared<StorageVolume>(shared, name);
        volume->document = document;
        if (const Status published = publish(nullptr, pool, volume); !published) log::warning("storage", "{}", published.error().message);
    }
    for (auto it = pool.volumes.begin(); it != pool.volumes.end();) {
        const StorageVolumePtr volume = (it++)->second;
        if (!seen.contains(volume->name) && volume->born <= since) retire(pool, volume);
    }
    if (found.skipped != 0) log::debug("storage", "pool '{}': {} entries are no volumes", pool.name, found.skipped);
    take_figures(pool, found);
    pool.sample_after = std::chrono::steady_clock::now() + kSampleAge;
}

void Driver::take_figures(StoragePool& pool, const Found& found) {
    ++pool.clock;
    for (const VolumeDocument& document : found.volumes)
        if (const auto it = pool.volumes.find(document->name); it != pool.volumes.end()) it->second->document = document;
    if (found.permissions) pool.permissions = found.permissions;
    if (!found.has_sizes) return;
    pool.capacity = found.capacity;
    pool.allocation = found.allocation;
    pool.available = found.available;
}

Status Driver::publish(pv_call* call, StoragePool& pool, const StorageVolumePtr& volume) {
    const doc::Volume& v = *volume->document;
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
    pool.volumes.emplace(v.name, volume);
    if (s_.registry->publish(s_.host, call, &desc, &volume->handle) != PV_OK) {
        pool.volumes.erase(v.name);
        return make_error(ErrorCode::operation_failed, ErrorDomain::storage, "volume '{}' of pool '{}' cannot be published", v.name, pool.name);
    }
    (void)data.release();
    volume->born = ++pool.clock;
    return {};
}

void Driver::retire(StoragePool& pool, const StorageVolumePtr& volume) const {
    volume->removed = true;
    s_.registry->retire(s_.host, volume->handle);
    pool.volumes.erase(volume->name);
}

pv_status Driver::give(pv_call* call, pv_sink* sink, std::string_view text) const {
    if (plugin::write(s_, sink, text)) return PV_OK;
    return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::storage, "an answer of {} bytes is more than a reply can carry", text.size()));
}

Status Driver::check_flags(std::uint32_t flags, std::uint32_t known, const char* function) {
    if ((flags & ~known) == 0) return {};
    return Error{.code = ErrorCode::invalid_arg, .domain = ErrorDomain::storage,
                 .message = fmt::format("unsupported flags (0x{:x}) in function {}", flags & ~known, function)};
}

} // namespace polyvirt::storage
