// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Volumes are made: the name is taken at once, the file comes under another one (part_name.h) that a record remembers,
// so that nothing is left of what a crash cuts short, and nobody sees the volume before it is whole.

#include <utility>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/call.h>

#include "base/error_text.h"
#include "base/log.h"
#include "volume_ops.h"

namespace polyvirt::storage {
namespace {

// What a volume is made of and where.
struct Making {
    Making() = default;
    Making(const Making&) = delete;
    Making& operator=(const Making&) = delete;
    ~Making() { end(); }
    // Its name is free again. Once.
    void end() {
        if (!std::exchange(begun, false)) return;
        const ObjectLock lock(pool->mu);
        pool->coming.erase(wish.volume.name);
        --pool->jobs;
    }

    StoragePoolPtr pool;
    PoolDocument document;
    Wish wish;
    StorageVolumePtr source;
    VolumeUse use; // of the source
    bool begun = false;
};
using MakingPtr = std::shared_ptr<Making>;

Result<doc::Volume> parse_wish(const StoragePoolPtr& pool, const char* xml, bool copies, bool validate, bool& has_allocation) {
    doc::PoolType type{};
    {
        const ObjectLock lock(pool->mu);
        if (pool->removed) return no_pool(*pool);
        if (!pool->active) return not_active(*pool);
        type = pool->document->type;
    }
    PV_ASSIGN_OR_RETURN(const sdk::xml::Node root, sdk::xml::read(xml, doc::kVolumeRoot.what));
    has_allocation = root.child("allocation") != nullptr;
    PV_ASSIGN_OR_RETURN(auto parsed, doc::parse_volume(root, type, {.capacity_optional = copies, .limits = {}}));
    if (validate) PV_TRY(sdk::xml::refuse_unknown(parsed.messages));
    return std::move(parsed.value);
}

// Takes the name. Errors: it is taken already.
Status begin(const Driver& driver, Making& making) {
    StoragePool& pool = *making.pool;
    doc::Volume& v = making.wish.volume;
    const ObjectLock lock(pool.mu);
    if (pool.removed) return no_pool(pool);
    if (!pool.active) return not_active(pool);
    if (pool.volumes.contains(v.name) || pool.coming.contains(v.name))
        return making.wish.from ? make_error(ErrorCode::internal_error, ErrorDomain::storage, "storage volume name '{}' already in use.", v.name)
                                : make_error(ErrorCode::storage_vol_exist, ErrorDomain::storage, "'{}'", v.name);
    making.document = pool.document;
    PV_TRY(driver.backend(pool.document->type).settle(driver.place_of(pool, pool.document), v));
    pool.coming[v.name] = ++pool.clock;
    ++pool.jobs;
    making.begun = true;
    return {};
}

std::string record_of(const Making& making, const std::string& part) {
    const Facts record = {{"pool", making.document->name},
                          {"type", doc::kPoolTypes[static_cast<std::size_t>(making.document->type)]},
                          {"folder", making.document->target->path},
                          {"path", part}};
    return record.packed();
}

// Shows it. Its name is free for others again only when it is seen.
Status show(Driver& driver, pv_call* call, Making& making, const Result<Found>& found, std::uint64_t* handle) {
    StoragePool& pool = *making.pool;
    const auto volume = std::make_shared<StorageVolume>(making.pool, making.wish.volume.name);
    volume->document = found && !found->volumes.empty() ? found->volumes.front() : std::make_shared<const doc::Volume>(making.wish.volume);
    const ObjectLock lock(pool.mu);
    PV_TRY(driver.publish(call, pool, volume));
    if (found) driver.take_figures(pool, *found);
    *handle = volume->handle;
    return {};
}

Task<Status> make(Driver* driver, MakingPtr making) {
    Backend& back = driver->backend(making->document->type);
    const Place place = driver->place_of(*making->pool, making->document);
    const std::string record = making_record(making->wish.id);
    PV_CO_TRY(driver->data().put(record, record_of(*making, back.part_of(place, making->wish))));
    const Status made = co_await back.create(place, making->wish);
    driver->note_health(making->pool, made);
    // One that did not answer may still have left something; the record stays for the next start.
    if (made || made.error().code != ErrorCode::operation_timeout)
        if (const Status gone = driver->data().remove(record); !gone) log::warning("storage", "{}", gone.error().message);
    co_return made;
}

Task<Status> make_now(Driver* driver, pv_call* call, MakingPtr making, std::uint64_t* handle) {
    Status done = co_await make(driver, making);
    if (done) {
        Backend& back = driver->backend(making->document->type);
        const Place place = driver->place_of(*making->pool, making->document);
        auto made = std::make_shared<const doc::Volume>(making->wish.volume);
        const auto found = co_await back.look(place, made);
        done = show(*driver, call, *making, found, handle);
    }
    making->end();
    making->use.reset();
    co_return done;
}

} // namespace

pv_status VolumeOps::create_xml(pv_call* call, const pv_obj* obj, const pv_vol_create_xml_in& in, pv_vol_create_xml_out& out) {
    constexpr std::uint32_t kFlags = PV_STORAGE_VOL_CREATE_PREALLOC_METADATA | PV_STORAGE_VOL_CREATE_VALIDATE;
    if (const Status flags = Driver::check_flags(in.flags, kFlags, "storageVolCreateXML"); !flags) return driver_.answer(call, flags);
    const auto making = std::make_shared<Making>();
    making->pool = Driver::pool_of(obj);
    bool has_allocation = false;
    auto volume = parse_wish(making->pool, in.xml, false, (in.flags & PV_STORAGE_VOL_CREATE_VALIDATE) != 0, has_allocation);
    if (!volume) return plugin::fail(s_, call, volume.error());
    making->wish.volume = *std::move(volume);
    making->wish.id = Uuid::random().to_string();
    making->wish.metadata = (in.flags & PV_STORAGE_VOL_CREATE_PREALLOC_METADATA) != 0;
    if (const Status begun = begin(driver_, *making); !begun) return driver_.answer(call, begun);
    sdk::start(make_now(&driver_, call, making, &out.obj),
               [this, call](const Status& outcome) { s_.call->complete(call, driver_.answer(call, outcome)); });
    return PV_PENDING;
}

pv_status VolumeOps::create_xml_from(pv_call* call, const pv_obj* obj, const pv_vol_create_xml_from_in& in, pv_vol_create_xml_from_out& out) {
    constexpr std::uint32_t kFlags = PV_STORAGE_VOL_CREATE_PREALLOC_METADATA | PV_STORAGE_VOL_CREATE_REFLINK | PV_STORAGE_VOL_CREATE_VALIDATE;
    if (const Status flags = Driver::check_flags(in.flags, kFlags, "storageVolCreateXMLFrom"); !flags) return driver_.answer(call, flags);
    if (in.source == nullptr)
        return driver_.answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::storage, "no volume to copy from"));
    const auto making = std::make_shared<Making>();
    making->pool = Driver::pool_of(obj);
    making->source = Driver::volume_of(in.source);
    bool has_allocation = false;
    auto volume = parse_wish(making->pool, in.xml, true, (in.flags & PV_STORAGE_VOL_CREATE_VALIDATE) != 0, has_allocation);
    if (!volume) return plugin::fail(s_, call, volume.error());
    const auto source = volume_now(making->source, true);
    if (!source) return plugin::fail(s_, call, source.error());
    auto use = use_volume(making->source);
    if (!use) return plugin::fail(s_, call, use.error());
    making->use = *std::move(use);
    making->wish.volume = *std::move(volume);
    making->wish.from = source->document;
    making->wish.id = Uuid::random().to_string();
    making->wish.metadata = (in.flags & PV_STORAGE_VOL_CREATE_PREALLOC_METADATA) != 0;
    making->wish.reflink = (in.flags & PV_STORAGE_VOL_CREATE_REFLINK) != 0;
    doc::Volume& v = making->wish.volume;
    v.capacity = std::max(*v.capacity, *source->document->capacity);
    if (!has_allocation) v.allocation = v.capacity;
    if (const Status begun = begin(driver_, *making); !begun) return driver_.answer(call, begun);
    sdk::start(make_now(&driver_, call, making, &out.obj),
               [this, call](const Status& outcome) { s_.call->complete(call, driver_.answer(call, outcome)); });
    return PV_PENDING;
}

} // namespace polyvirt::storage
