// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "volume_ops.h"

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/call.h>

#include "base/error_text.h"
#include "sample.h"

namespace polyvirt::storage {
namespace {

Error bad_argument(const char* text) { return make_error(ErrorCode::invalid_arg, ErrorDomain::storage, "{}", text); }
Error gone(const StorageVolume& volume) {
    return make_error(ErrorCode::no_storage_vol, ErrorDomain::storage, "no storage vol with matching name '{}'", volume.name);
}
Error in_use(const StorageVolume& volume) {
    return make_error(ErrorCode::operation_invalid, ErrorDomain::storage, "volume '{}' is still in use.", volume.name);
}

Task<Status> remove_volume_now(Driver* driver, StorageVolumePtr volume, std::uint32_t flags) {
    const auto now = volume_now(volume, true);
    PV_CO_TRY(now);
    const Place place = driver->place_of(*now->pool, now->pool_document);
    const Status done = co_await driver->backend(place.pool->type).remove_volume(place, now->document, flags);
    driver->note_health(now->pool, done);
    PV_CO_TRY(done);
    const ObjectLock lock(now->pool->mu);
    now->pool->gone[volume->name] = ++now->pool->clock;
    if (!volume->removed) driver->retire(*now->pool, volume);
    const std::uint64_t freed = std::min(*now->document->allocation, now->pool->allocation);
    now->pool->allocation -= freed;
    now->pool->available += freed;
    co_return Status{};
}

// The size that is asked for. Errors: in the peer's words.
Result<std::uint64_t> size_asked(const VolumeNow& now, std::uint64_t wanted, std::uint32_t flags) {
    const std::uint64_t before = *now.document->capacity;
    const bool shrink = (flags & PV_STORAGE_VOL_RESIZE_SHRINK) != 0;
    std::uint64_t after = wanted;
    if ((flags & PV_STORAGE_VOL_RESIZE_DELTA) != 0) {
        if (shrink) after = before - std::min(before, wanted);
        else if (__builtin_add_overflow(before, wanted, &after))
            return make_error(ErrorCode::overflow, ErrorDomain::storage, "{} and {} bytes are too many", before, wanted);
    }
    const std::uint64_t allocated = *now.document->allocation;
    if (after < before && !shrink && after >= allocated)
        return bad_argument("Can't shrink capacity below current capacity unless shrink flag explicitly specified");
    if (after < allocated && !shrink) return bad_argument("can't shrink capacity below existing allocation");
    std::uint64_t available = 0;
    {
        const ObjectLock lock(now.pool->mu);
        available = now.pool->available;
    }
    if ((flags & PV_STORAGE_VOL_RESIZE_ALLOCATE) != 0 && after > allocated && after - allocated > available)
        return make_error(ErrorCode::operation_failed, ErrorDomain::storage, "Not enough space left in storage pool");
    return after;
}

Task<Status> resize_now(Driver* driver, StorageVolumePtr volume, std::uint64_t wanted, std::uint32_t flags) {
    const auto now = volume_now(volume, true);
    PV_CO_TRY(now);
    const auto capacity = size_asked(*now, wanted, flags);
    PV_CO_TRY(capacity);
    const Place place = driver->place_of(*now->pool, now->pool_document);
    const Status done = co_await driver->backend(place.pool->type).resize(place, now->document, *capacity, flags);
    driver->note_health(now->pool, done);
    PV_CO_TRY(done);
    co_return co_await look_again(driver, volume);
}

constexpr const char* kScrubPatterns[] = {"", "nnsa", "dod", "bsi", "gutmann", "schneier", "pfitzner7", "pfitzner33", "random"};

Task<Status> wipe_now(Driver* driver, StorageVolumePtr volume, std::uint32_t algorithm) {
    const auto now = volume_now(volume, true);
    PV_CO_TRY(now);
    if (algorithm == PV_STORAGE_VOL_WIPE_ALG_TRIM)
        co_return make_error(ErrorCode::argument_unsupported, ErrorDomain::storage, "'trim' algorithm not supported");
    if (now->document->type == doc::VolumeType::dir)
        co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::storage, "volume '{}' is a directory", volume->name);
    const auto use = use_volume(volume);
    PV_CO_TRY(use);
    const Patience patience = driver->place_of(*now->pool, now->pool_document).patience.for_bytes(*now->document->physical);
    Status done;
    if (algorithm == PV_STORAGE_VOL_WIPE_ALG_ZERO) {
        Facts request = {{"path", now->document->target.path}};
        auto wiped = co_await driver->agent().ask("wipe", std::move(request), patience);
        if (!wiped) done = std::move(wiped).error();
    } else {
        std::vector<std::string> argv = {"scrub", "-f", "-p", kScrubPatterns[algorithm], now->document->target.path};
        auto wiped = co_await driver->agent().run(std::move(argv), patience);
        if (!wiped) done = std::move(wiped).error();
    }
    driver->note_health(now->pool, done);
    PV_CO_TRY(done);
    co_return co_await look_again(driver, volume);
}

} // namespace

Result<VolumeNow> volume_now(const StorageVolumePtr& volume, bool idle) {
    VolumeNow now;
    now.pool = volume->pool.lock();
    if (!now.pool) return gone(*volume);
    const ObjectLock lock(now.pool->mu);
    if (now.pool->removed || volume->removed) return gone(*volume);
    if (!now.pool->active) return not_active(*now.pool);
    if (idle && volume->users != 0) return in_use(*volume);
    now.pool_document = now.pool->document;
    now.document = volume->document;
    return now;
}

Result<VolumeUse> use_volume(const StorageVolumePtr& volume) {
    const StoragePoolPtr pool = volume->pool.lock();
    if (!pool) return gone(*volume);
    const ObjectLock lock(pool->mu);
    if (pool->removed || volume->removed) return gone(*volume);
    if (!pool->active) return not_active(*pool);
    ++volume->users;
    // Whoever holds this keeps both.
    return VolumeUse(volume.get(), [volume, pool](void*) {
        const ObjectLock done(pool->mu);
        --volume->users;
    });
}

Task<Status> look_again(Driver* driver, StorageVolumePtr volume) {
    const auto now = volume_now(volume);
    PV_CO_TRY(now);
    const Place place = driver->place_of(*now->pool, now->pool_document);
    const auto found = co_await driver->backend(place.pool->type).look(place, now->document);
    driver->note_health(now->pool, found ? Status() : Status(found.error()));
    PV_CO_TRY(found);
    const ObjectLock lock(now->pool->mu);
    driver->take_figures(*now->pool, *found);
    co_return Status{};
}

pv_status VolumeOps::with_job(pv_call* call, const StorageVolumePtr& volume, const char* what, VolumeBody body) const {
    const auto now = volume_now(volume);
    if (!now) return plugin::fail(s_, call, now.error());
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(now->pool->mu);
        handle = volume->handle;
    }
    return sdk::Operation::start(s_, driver_.loop(), {.call = call, .object = handle, .what = what},
                                 [volume, body = std::move(body)](const sdk::OperationPtr& op) {
                                     sdk::start(body(op, volume), [op](const Status& outcome) { op->finish(outcome); });
                                 });
}

pv_status VolumeOps::remove(pv_call* call, const pv_obj* obj, const pv_vol_remove_in& in, pv_vol_remove_out&) {
    constexpr std::uint32_t kFlags = PV_STORAGE_VOL_DELETE_ZEROED | PV_STORAGE_VOL_DELETE_WITH_SNAPSHOTS;
    if (const Status flags = Driver::check_flags(in.flags, kFlags, "storageVolDelete"); !flags) return driver_.answer(call, flags);
    return with_job(call, Driver::volume_of(obj), "delete", [this, flags = in.flags](const sdk::OperationPtr&, const StorageVolumePtr& volume) {
        return remove_volume_now(&driver_, volume, flags);
    });
}

pv_status VolumeOps::resize(pv_call* call, const pv_obj* obj, const pv_vol_resize_in& in, pv_vol_resize_out&) {
    constexpr std::uint32_t kFlags = PV_STORAGE_VOL_RESIZE_ALLOCATE | PV_STORAGE_VOL_RESIZE_DELTA | PV_STORAGE_VOL_RESIZE_SHRINK;
    if (const Status flags = Driver::check_flags(in.flags, kFlags, "storageVolResize"); !flags) return driver_.answer(call, flags);
    return with_job(call, Driver::volume_of(obj), "resize",
                    [this, size = in.capacity, flags = in.flags](const sdk::OperationPtr&, const StorageVolumePtr& volume) {
                        return resize_now(&driver_, volume, size, flags);
                    });
}

pv_status VolumeOps::wipe(pv_call* call, const pv_obj* obj, const pv_vol_wipe_in& in, pv_vol_wipe_out&) {
    Status asked = Driver::check_flags(in.flags, 0, "storageVolWipePattern");
    if (asked && in.algorithm > PV_STORAGE_VOL_WIPE_ALG_TRIM)
        asked = make_error(ErrorCode::invalid_arg, ErrorDomain::storage, "wiping algorithm {} not supported", in.algorithm);
    if (!asked) return driver_.answer(call, asked);
    return with_job(call, Driver::volume_of(obj), "wipe",
                    [this, algorithm = in.algorithm](const sdk::OperationPtr&, const StorageVolumePtr& volume) {
                        return wipe_now(&driver_, volume, algorithm);
                    });
}

pv_status VolumeOps::info(pv_call* call, const pv_obj* obj, const pv_vol_info_in& in, pv_vol_info_out& out) {
    if (const Status flags = Driver::check_flags(in.flags, PV_STORAGE_VOL_GET_PHYSICAL, "storageVolGetInfoFlags"); !flags)
        return driver_.answer(call, flags);
    const StorageVolumePtr volume = Driver::volume_of(obj);
    return when_sampled(driver_, call, volume, [this, call, volume, physical = (in.flags & PV_STORAGE_VOL_GET_PHYSICAL) != 0, &out] {
        const auto now = volume_now(volume);
        if (!now) return plugin::fail(s_, call, now.error());
        const doc::Volume& v = *now->document;
        out.type = static_cast<std::int32_t>(v.type) - 1;
        out.capacity = v.capacity.value_or(0);
        out.allocation = physical ? v.physical.value_or(0) : v.allocation.value_or(0);
        return pv_status{PV_OK};
    });
}

pv_status VolumeOps::xml_desc(pv_call* call, const pv_obj* obj, const pv_vol_xml_desc_in& in, pv_vol_xml_desc_out& out) {
    if (const Status flags = Driver::check_flags(in.flags, 0, "storageVolGetXMLDesc"); !flags) return driver_.answer(call, flags);
    const StorageVolumePtr volume = Driver::volume_of(obj);
    return when_sampled(driver_, call, volume, [this, call, volume, sink = out.xml] {
        const auto now = volume_now(volume);
        if (!now) return plugin::fail(s_, call, now.error());
        return driver_.give(call, sink, doc::format_volume(*now->document));
    });
}

} // namespace polyvirt::storage
