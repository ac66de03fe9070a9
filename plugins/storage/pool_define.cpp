// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Pools come in by their documents: defined, created, looked for.

#include <utility>

#include <polyvirt/abi/gen/constants.h>

#include "base/error_text.h"
#include "pool_flags.h"
#include "pool_ops.h"

namespace polyvirt::storage {
namespace {

struct Parsed {
    std::shared_ptr<StoragePool> fresh;
    PoolDocument document;
};

Result<Parsed> parse_new(const char* xml, bool validate) {
    PV_ASSIGN_OR_RETURN(auto parsed, doc::parse_pool(xml));
    if (validate) PV_TRY(sdk::xml::refuse_unknown(parsed.messages));
    if (parsed.value.name.find('\n') != std::string::npos)
        return make_error(ErrorCode::xml_error, ErrorDomain::storage, "invalid char in name: {}", "'\\n'");
    if (!has_backend(parsed.value.type)) return missing_backend(parsed.value.type);
    Parsed p;
    p.document = std::make_shared<const doc::Pool>(std::move(parsed.value));
    p.fresh = std::make_shared<StoragePool>(*p.document->uuid, p.document->name);
    const ObjectLock lock(p.fresh->mu);
    p.fresh->document = p.document;
    return p;
}

// Whether both would stand on the same thing.
bool share_source(const doc::Pool& a, const doc::Pool& b) {
    if (a.type != b.type) return false;
    switch (a.type) {
    case doc::PoolType::dir: return a.target->path == b.target->path;
    case doc::PoolType::netfs:
        return a.source->dir == b.source->dir && a.source->hosts.front().name == b.source->hosts.front().name;
    case doc::PoolType::logical: return a.source->name == b.source->name;
    case doc::PoolType::fs: return a.source->devices.front().path == b.source->devices.front().path;
    default: return false;
    }
}

Status check_others(const doc::Pool& document, const std::vector<StoragePoolPtr>& others) {
    for (const StoragePoolPtr& other : others) {
        const ObjectLock lock(other->mu);
        if (!other->removed && share_source(document, *other->document))
            return make_error(ErrorCode::operation_failed, ErrorDomain::storage, "Storage source conflict with pool: '{}'", other->name);
    }
    return {};
}

Result<StoragePoolPtr> enter(Driver& driver, pv_call* call, const Parsed& parsed, bool live) {
    const std::string type(doc::kPoolTypes[static_cast<std::size_t>(parsed.document->type)]);
    const pv_key keys[] = {{"type", type.c_str()}, {"target-path", parsed.document->target ? parsed.document->target->path.c_str() : ""}};
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.keys = keys;
    desc.nkeys = parsed.document->target ? 2 : 1;
    const auto check = [&](const StoragePoolPtr& existing, const std::vector<StoragePoolPtr>& others) -> Status {
        if (existing && live) {
            const ObjectLock lock(existing->mu);
            if (existing->active)
                return make_error(ErrorCode::operation_invalid, ErrorDomain::storage, "pool is already active as '{}'", existing->name);
        }
        return check_others(*parsed.document, others);
    };
    return driver.pools().define(parsed.fresh, call, desc, check, [](StoragePool&, bool) {});
}

Task<Status> define_now(Driver* driver, sdk::OperationPtr op, StoragePoolPtr pool, PoolDocument document, std::uint64_t* handle) {
    const Status saved = driver->configs().put(config_record(pool->name), doc::format_pool(*document), op->call());
    if (!saved) {
        driver->drop_unwanted(pool);
        co_return saved;
    }
    const ObjectLock lock(pool->mu);
    (pool->active ? pool->next : pool->document) = document;
    pool->persistent = true;
    *handle = pool->handle;
    driver->show(*pool);
    driver->post(*pool, PV_STORAGE_POOL_EVENT_DEFINED);
    co_return Status{};
}

Task<Status> create_now(Driver* driver, StoragePoolPtr pool, PoolDocument document, std::uint32_t flags, std::uint64_t* handle) {
    {
        const ObjectLock lock(pool->mu);
        if (pool->active)
            co_return make_error(ErrorCode::operation_invalid, ErrorDomain::storage, "pool is already active as '{}'", pool->name);
        *handle = pool->handle;
    }
    Status done;
    if (flags != 0) done = co_await driver->backend(document->type).build(driver->place_of(*pool, document), build_flags_of(flags));
    if (done && flags != 0) {
        const ObjectLock lock(pool->mu);
        driver->post(*pool, PV_STORAGE_POOL_EVENT_CREATED);
    }
    if (done) done = co_await driver->start_pool(pool, document);
    driver->drop_unwanted(pool);
    co_return done;
}

} // namespace

pv_status PoolOps::define_xml(pv_call* call, const pv_obj*, const pv_pool_define_xml_in& in, pv_pool_define_xml_out& out) {
    if (const Status flags = Driver::check_flags(in.flags, PV_STORAGE_POOL_DEFINE_VALIDATE, "storagePoolDefineXML"); !flags)
        return driver_.answer(call, flags);
    const auto parsed = parse_new(in.xml, (in.flags & PV_STORAGE_POOL_DEFINE_VALIDATE) != 0);
    if (!parsed) return plugin::fail(s_, call, parsed.error());
    const auto pool = enter(driver_, call, *parsed, false);
    if (!pool) return plugin::fail(s_, call, pool.error());
    return driver_.with_job(call, *pool, "define",
                            [this, document = parsed->document, handle = &out.obj](const sdk::OperationPtr& op, const StoragePoolPtr& p) {
                                return define_now(&driver_, op, p, document, handle);
                            });
}

pv_status PoolOps::create_xml(pv_call* call, const pv_obj*, const pv_pool_create_xml_in& in, pv_pool_create_xml_out& out) {
    if (const Status flags = check_create_flags(in.flags, "storagePoolCreateXML"); !flags) return driver_.answer(call, flags);
    const auto parsed = parse_new(in.xml, false);
    if (!parsed) return plugin::fail(s_, call, parsed.error());
    const auto pool = enter(driver_, call, *parsed, true);
    if (!pool) return plugin::fail(s_, call, pool.error());
    return driver_.with_job(
        call, *pool, "create",
        [this, document = parsed->document, flags = in.flags, handle = &out.obj](const sdk::OperationPtr&, const StoragePoolPtr& p) {
            return create_now(&driver_, p, document, flags, handle);
        });
}

pv_status PoolOps::capabilities(pv_call* call, const pv_obj*, const pv_pool_capabilities_in& in, pv_pool_capabilities_out& out) {
    if (const Status flags = Driver::check_flags(in.flags, 0, "storageConnectGetStoragePoolCapabilities"); !flags)
        return driver_.answer(call, flags);
    return driver_.give(call, out.xml, doc::format_pool_capabilities(has_backend));
}

namespace {

Task<Status> search_now(Driver* driver, doc::PoolType type, std::optional<doc::PoolSource> source, pv_sink* sink) {
    Patience patience;
    patience.pool = doc::kPoolTypes[static_cast<std::size_t>(type)];
    patience.deadline_ns = driver->settings().deadline_ns;
    auto found = co_await driver->backend(type).find_sources(std::move(source), patience);
    PV_CO_TRY(found);
    if (!plugin::write(driver->services(), sink, doc::format_sources(*found)))
        co_return make_error(ErrorCode::internal_error, ErrorDomain::storage, "the sources are more than a reply can carry");
    co_return Status{};
}

} // namespace

pv_status PoolOps::find_sources(pv_call* call, const pv_obj*, const pv_pool_find_sources_in& in, pv_pool_find_sources_out& out) {
    if (const Status flags = Driver::check_flags(in.flags, 0, "storageConnectFindStoragePoolSources"); !flags) return driver_.answer(call, flags);
    doc::PoolType type{};
    const auto scalar = sdk::xml::scalar(type);
    if (!scalar.ops->parse(scalar.value, in.type, {}))
        return driver_.answer(call, make_error(ErrorCode::internal_error, ErrorDomain::storage, "unknown storage pool type {}", in.type));
    if (!has_backend(type)) return driver_.answer(call, missing_backend(type));
    std::optional<doc::PoolSource> source;
    if (in.source != nullptr && *in.source != '\0') {
        auto parsed = doc::parse_source(in.source, type);
        if (!parsed) return plugin::fail(s_, call, parsed.error());
        source = *std::move(parsed);
    }
    sdk::start(search_now(&driver_, type, std::move(source), out.xml),
               [this, call](const Status& outcome) { s_.call->complete(call, driver_.answer(call, outcome)); });
    return PV_PENDING;
}

} // namespace polyvirt::storage
