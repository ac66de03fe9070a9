// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What changes pools that there are, and what is asked of them.

#include "pool_ops.h"

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/call.h>

#include "base/error_text.h"
#include "pool_flags.h"

namespace polyvirt::storage {
namespace {

Error invalid(const char* text, const StoragePool& pool) {
    return make_error(ErrorCode::operation_invalid, ErrorDomain::storage, "storage pool '{}' is {}", pool.name, text);
}

// With the pool as it is now: its document, unless it is active or at work.
Result<PoolDocument> idle_document(StoragePool& pool, const char* text) {
    const ObjectLock lock(pool.mu);
    if (pool.active) return invalid(text, pool);
    if (pool.jobs != 0) return has_jobs(pool);
    return pool.document;
}

Task<Status> build_now(Driver* driver, StoragePoolPtr pool, std::uint32_t flags) {
    const auto document = idle_document(*pool, "already active");
    PV_CO_TRY(document);
    PV_CO_TRY(co_await driver->backend((*document)->type).build(driver->place_of(*pool, *document), flags));
    const ObjectLock lock(pool->mu);
    driver->post(*pool, PV_STORAGE_POOL_EVENT_CREATED);
    co_return Status{};
}

Task<Status> delete_now(Driver* driver, StoragePoolPtr pool) {
    const auto document = idle_document(*pool, "still active");
    PV_CO_TRY(document);
    PV_CO_TRY(co_await driver->backend((*document)->type).remove(driver->place_of(*pool, *document)));
    const ObjectLock lock(pool->mu);
    driver->post(*pool, PV_STORAGE_POOL_EVENT_DELETED);
    co_return Status{};
}

Task<Status> start_now(Driver* driver, StoragePoolPtr pool, std::uint32_t build_flags, bool build) {
    const auto document = idle_document(*pool, "already active");
    PV_CO_TRY(document);
    if (build) PV_CO_TRY(co_await build_now(driver, pool, build_flags));
    co_return co_await driver->start_pool(pool, *document);
}

Task<Status> destroy_now(Driver* driver, StoragePoolPtr pool) {
    {
        const ObjectLock lock(pool->mu);
        if (!pool->active) co_return not_active(*pool);
        if (pool->jobs != 0) co_return has_jobs(*pool);
    }
    PV_CO_TRY(co_await driver->stop_pool(pool));
    driver->drop_unwanted(pool);
    co_return Status{};
}

Task<Status> refresh_now(Driver* driver, StoragePoolPtr pool) {
    const Status done = co_await driver->refresh_pool(pool);
    driver->drop_unwanted(pool);
    co_return done;
}

Task<Status> undefine_now(Driver* driver, StoragePoolPtr pool) {
    PV_CO_TRY(idle_document(*pool, "still active"));
    PV_CO_TRY(driver->configs().remove(config_record(pool->name)));
    PV_CO_TRY(driver->configs().remove(autostart_record(pool->name)));
    {
        const ObjectLock lock(pool->mu);
        pool->persistent = pool->autostart = false;
        driver->show(*pool);
        driver->post(*pool, PV_STORAGE_POOL_EVENT_UNDEFINED);
    }
    driver->drop_unwanted(pool);
    co_return Status{};
}

Task<Status> autostart_now(Driver* driver, StoragePoolPtr pool, bool autostart) {
    {
        const ObjectLock lock(pool->mu);
        if (!pool->persistent) co_return make_error(ErrorCode::invalid_arg, ErrorDomain::storage, "pool has no config file");
    }
    const std::string record = autostart_record(pool->name);
    const std::string text = pool->uuid.to_string() + "\n";
    PV_CO_TRY(autostart ? driver->configs().put(record, text) : driver->configs().remove(record));
    const ObjectLock lock(pool->mu);
    pool->autostart = autostart;
    driver->show(*pool);
    co_return Status{};
}

constexpr std::uint32_t kCreateFlags = PV_STORAGE_POOL_CREATE_WITH_BUILD | PV_STORAGE_POOL_CREATE_WITH_BUILD_OVERWRITE |
                                       PV_STORAGE_POOL_CREATE_WITH_BUILD_NO_OVERWRITE;
constexpr std::uint32_t kBuildFlags = PV_STORAGE_POOL_BUILD_OVERWRITE | PV_STORAGE_POOL_BUILD_NO_OVERWRITE;

} // namespace

static Status exclusive_build(std::uint32_t flags, std::uint32_t one, std::uint32_t other, const char* names) {
    if ((flags & one) == 0 || (flags & other) == 0) return {};
    return Error{.code = ErrorCode::invalid_arg, .domain = ErrorDomain::storage, .message = fmt::format("Flags {} are mutually exclusive", names)};
}

std::uint32_t build_flags_of(std::uint32_t create_flags) {
    std::uint32_t flags = 0;
    if ((create_flags & PV_STORAGE_POOL_CREATE_WITH_BUILD_OVERWRITE) != 0) flags |= PV_STORAGE_POOL_BUILD_OVERWRITE;
    if ((create_flags & PV_STORAGE_POOL_CREATE_WITH_BUILD_NO_OVERWRITE) != 0) flags |= PV_STORAGE_POOL_BUILD_NO_OVERWRITE;
    return flags;
}

Status check_create_flags(std::uint32_t flags, const char* function) {
    PV_TRY(Driver::check_flags(flags, kCreateFlags, function));
    return exclusive_build(flags, PV_STORAGE_POOL_CREATE_WITH_BUILD_OVERWRITE, PV_STORAGE_POOL_CREATE_WITH_BUILD_NO_OVERWRITE,
                           "'VIR_STORAGE_POOL_CREATE_WITH_BUILD_OVERWRITE' and 'VIR_STORAGE_POOL_CREATE_WITH_BUILD_NO_OVERWRITE'");
}


pv_status PoolOps::create(pv_call* call, const pv_obj* obj, const pv_pool_create_in& in, pv_pool_create_out&) {
    if (const Status flags = check_create_flags(in.flags, "storagePoolCreate"); !flags) return driver_.answer(call, flags);
    return driver_.with_job(call, Driver::pool_of(obj), "start", [this, flags = in.flags](const sdk::OperationPtr&, const StoragePoolPtr& pool) {
        return start_now(&driver_, pool, build_flags_of(flags), flags != 0);
    });
}

pv_status PoolOps::build(pv_call* call, const pv_obj* obj, const pv_pool_build_in& in, pv_pool_build_out&) {
    Status flags = Driver::check_flags(in.flags, kBuildFlags, "storagePoolBuild");
    if (flags)
        flags = exclusive_build(in.flags, PV_STORAGE_POOL_BUILD_OVERWRITE, PV_STORAGE_POOL_BUILD_NO_OVERWRITE,
                                "'VIR_STORAGE_POOL_BUILD_OVERWRITE' and 'VIR_STORAGE_POOL_BUILD_NO_OVERWRITE'");
    if (!flags) return driver_.answer(call, flags);
    return driver_.with_job(call, Driver::pool_of(obj), "build", [this, wanted = in.flags](const sdk::OperationPtr&, const StoragePoolPtr& pool) {
        return build_now(&driver_, pool, wanted);
    });
}

pv_status PoolOps::destroy(pv_call* call, const pv_obj* obj, const pv_pool_destroy_in&, pv_pool_destroy_out&) {
    return driver_.with_job(call, Driver::pool_of(obj), "stop",
                            [this](const sdk::OperationPtr&, const StoragePoolPtr& pool) { return destroy_now(&driver_, pool); });
}

pv_status PoolOps::remove(pv_call* call, const pv_obj* obj, const pv_pool_remove_in& in, pv_pool_remove_out&) {

    if (const Status flags = Driver::check_flags(in.flags, 0, "virStorageBackendDeleteLocal"); !flags) return driver_.answer(call, flags);
    return driver_.with_job(call, Driver::pool_of(obj), "delete",
                            [this](const sdk::OperationPtr&, const StoragePoolPtr& pool) { return delete_now(&driver_, pool); });
}

pv_status PoolOps::refresh(pv_call* call, const pv_obj* obj, const pv_pool_refresh_in& in, pv_pool_refresh_out&) {
    if (const Status flags = Driver::check_flags(in.flags, 0, "storagePoolRefresh"); !flags) return driver_.answer(call, flags);
    return driver_.with_job(call, Driver::pool_of(obj), "refresh",
                            [this](const sdk::OperationPtr&, const StoragePoolPtr& pool) { return refresh_now(&driver_, pool); });
}

pv_status PoolOps::undefine(pv_call* call, const pv_obj* obj, const pv_pool_undefine_in&, pv_pool_undefine_out&) {
    return driver_.with_job(call, Driver::pool_of(obj), "undefine",
                            [this](const sdk::OperationPtr&, const StoragePoolPtr& pool) { return undefine_now(&driver_, pool); });
}

pv_status PoolOps::set_autostart(pv_call* call, const pv_obj* obj, const pv_pool_set_autostart_in& in, pv_pool_set_autostart_out&) {
    return driver_.with_job(call, Driver::pool_of(obj), "set autostart",
                            [this, on = in.autostart != 0](const sdk::OperationPtr&, const StoragePoolPtr& pool) {
                                return autostart_now(&driver_, pool, on);
                            });
}

Status PoolOps::info(pv_call*, const pv_obj* obj, const pv_pool_info_in&, pv_pool_info_out& out) {
    const StoragePoolPtr pool = Driver::pool_of(obj);
    const ObjectLock lock(pool->mu);
    if (pool->removed) return no_pool(*pool);
    out.state = !pool->active ? PV_STORAGE_POOL_INACTIVE : pool->degraded_since != 0 ? PV_STORAGE_POOL_DEGRADED : PV_STORAGE_POOL_RUNNING;
    out.capacity = pool->capacity;
    out.allocation = pool->allocation;
    out.available = pool->available;
    return {};
}

pv_status PoolOps::xml_desc(pv_call* call, const pv_obj* obj, const pv_pool_xml_desc_in& in, pv_pool_xml_desc_out& out) {
    if (const Status flags = Driver::check_flags(in.flags, PV_STORAGE_XML_INACTIVE, "storagePoolGetXMLDesc"); !flags)
        return driver_.answer(call, flags);
    const StoragePoolPtr pool = Driver::pool_of(obj);
    doc::Pool shown;
    {
        const ObjectLock lock(pool->mu);
        if (pool->removed) return driver_.answer(call, no_pool(*pool));
        const bool next = (in.flags & PV_STORAGE_XML_INACTIVE) != 0 && pool->next;
        shown = next ? *pool->next : *pool->document;
        shown.capacity = pool->capacity;
        shown.allocation = pool->allocation;
        shown.available = pool->available;
        if (!next && pool->permissions && shown.target) shown.target->permissions = pool->permissions;
    }
    return driver_.give(call, out.xml, doc::format_pool(shown));
}

} // namespace polyvirt::storage
