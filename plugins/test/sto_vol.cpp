// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.sto.vol: volumes. Their contents go through sto_stream.cpp.

#include <polyvirt/abi/gen/sto_vol.h>

#include "op.h"
#include "pools.h"
#include "sto_stream.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

namespace storage = sdk::storage;
using sdk::xml::Node;

using DescribedVolume = DescribedObject<storage::Volume>;

Error bad_argument(std::string text) { return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "{}", text); }

class VolumeOps : public Ops {
  public:
    using Ops::Ops;

    pv_status create_xml(pv_call* call, const pv_obj* obj, const pv_vol_create_xml_in& in, pv_vol_create_xml_out& out) {
        constexpr std::uint32_t kFlags = PV_STORAGE_VOL_CREATE_PREALLOC_METADATA | PV_STORAGE_VOL_CREATE_VALIDATE;
        if (const Status flags = check_flags(in.flags, kFlags, "testStorageVolCreateXML"); !flags) return answer(call, flags);
        const StoragePoolPtr pool = Pools::of(obj);
        auto made = describe(pool, in.xml, false, (in.flags & PV_STORAGE_VOL_CREATE_VALIDATE) != 0);
        if (!made) return fail(call, made.error());
        return answer(call, pools().change(pool, [&](StoragePool& p) PV_REQUIRES(p.mu) -> Status {
            if (!p.active) return pool_inactive(p);
            PV_TRY(pools().add_volume(call, pool, p, made->volume, made->faults));
            out.obj = made->volume->handle;
            return {};
        }));
    }

    pv_status create_xml_from(pv_call* call, const pv_obj* obj, const pv_vol_create_xml_from_in& in, pv_vol_create_xml_from_out& out) {
        constexpr std::uint32_t kFlags =
            PV_STORAGE_VOL_CREATE_PREALLOC_METADATA | PV_STORAGE_VOL_CREATE_REFLINK | PV_STORAGE_VOL_CREATE_VALIDATE;
        if (const Status flags = check_flags(in.flags, kFlags, "testStorageVolCreateXMLFrom"); !flags) return answer(call, flags);
        if (in.source == nullptr) return fail(call, bad_argument("no volume to copy from"));
        const StoragePoolPtr pool = Pools::of(obj);
        auto made = describe(pool, in.xml, true, (in.flags & PV_STORAGE_VOL_CREATE_VALIDATE) != 0);
        if (!made) return fail(call, made.error());
        // One pool's lock at a time: the copy is made before anybody can see the new volume.
        const Status copied = pools().change(Pools::volume_of(in.source), [&](StoragePool&, StorageVolume& source) -> Status {
            storage::Volume& v = made->volume->document;
            if (*v.capacity < *source.document.capacity) v.capacity = source.document.capacity;
            if (!made->has_allocation) v.allocation = v.capacity;
            return made->volume->contents.copy_from(source.contents);
        });
        if (!copied) return fail(call, copied.error());
        return answer(call, pools().change(pool, [&](StoragePool& p) PV_REQUIRES(p.mu) -> Status {
            if (!p.active) return pool_inactive(p);
            PV_TRY(pools().add_volume(call, pool, p, made->volume, made->faults));
            out.obj = made->volume->handle;
            return {};
        }));
    }

    pv_status remove(pv_call* call, const pv_obj* obj, const pv_vol_remove_in& in, pv_vol_remove_out&) {
        constexpr std::uint32_t kFlags = PV_STORAGE_VOL_DELETE_ZEROED | PV_STORAGE_VOL_DELETE_WITH_SNAPSHOTS;
        if (const Status flags = check_flags(in.flags, kFlags, "testStorageVolDelete"); !flags) return answer(call, flags);
        const StorageVolumePtr volume = Pools::volume_of(obj);
        return answer(call, pools().change(volume, [&](StoragePool& pool, StorageVolume& v) PV_REQUIRES(pool.mu) -> Status {
            if (v.users > 0)
                return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "volume '{}' is still in use.", v.document.name);
            driver_.faults().declare(v.handle, {});
            s_.registry->retire(s_.host, v.handle);
            pool.allocation -= std::min(pool.allocation, *v.document.allocation);
            pool.volumes.erase(v.document.name);
            return {};
        }));
    }

    pv_status info(pv_call* call, const pv_obj* obj, const pv_vol_info_in& in, pv_vol_info_out& out) {
        if (const Status flags = check_flags(in.flags, PV_STORAGE_VOL_GET_PHYSICAL, "testStorageVolGetInfoFlags"); !flags)
            return answer(call, flags);
        return with(call, obj, [&](StoragePool&, StorageVolume& v) -> Status {
            out.type = static_cast<std::int32_t>(v.document.type) - 1;
            out.capacity = *v.document.capacity;
            out.allocation = (in.flags & PV_STORAGE_VOL_GET_PHYSICAL) != 0 ? v.contents.allocated() : *v.document.allocation;
            return {};
        });
    }

    pv_status xml_desc(pv_call* call, const pv_obj* obj, const pv_vol_xml_desc_in& in, pv_vol_xml_desc_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testStorageVolGetXMLDesc"); !flags) return answer(call, flags);
        std::string text;
        const pv_status status = with(call, obj, [&](StoragePool&, StorageVolume& v) -> Status {
            text = with_faults(storage::format_volume(v.document), v.faults_text);
            return {};
        });
        return status == PV_OK ? write_document(s_, call, out.xml, text) : status;
    }

    pv_status resize(pv_call* call, const pv_obj* obj, const pv_vol_resize_in& in, pv_vol_resize_out&) {
        constexpr std::uint32_t kFlags = PV_STORAGE_VOL_RESIZE_ALLOCATE | PV_STORAGE_VOL_RESIZE_DELTA | PV_STORAGE_VOL_RESIZE_SHRINK;
        if (const Status flags = check_flags(in.flags, kFlags, "testStorageVolResize"); !flags) return answer(call, flags);
        return with(call, obj, [&](StoragePool& pool, StorageVolume& v) PV_REQUIRES(pool.mu) { return set_size(pool, v, in); });
    }

    pv_status wipe(pv_call* call, const pv_obj* obj, const pv_vol_wipe_in& in, pv_vol_wipe_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testStorageVolWipePattern"); !flags) return answer(call, flags);
        if (in.algorithm > PV_STORAGE_VOL_WIPE_ALG_TRIM)
            return fail(call, bad_argument(fmt::format("wiping algorithm {} not supported", in.algorithm)));
        return with(call, obj, [](StoragePool&, StorageVolume& v) -> Status {
            if (v.users > 0)
                return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "volume '{}' is still in use.", v.document.name);
            v.contents.clear();
            return {};
        });
    }

    pv_status upload(pv_call* call, const pv_obj* obj, const pv_vol_upload_in& in, pv_vol_upload_out&) {
        if (const Status flags = check_flags(in.flags, PV_STORAGE_VOL_UPLOAD_SPARSE_STREAM, "testStorageVolUpload"); !flags)
            return answer(call, flags);
        return answer(call, begin_upload(driver_, s_.call->stream(call), Pools::volume_of(obj), in.offset, in.length));
    }
    pv_status download(pv_call* call, const pv_obj* obj, const pv_vol_download_in& in, pv_vol_download_out&) {
        if (const Status flags = check_flags(in.flags, PV_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM, "testStorageVolDownload"); !flags)
            return answer(call, flags);
        return answer(call, begin_download(driver_, s_.call->stream(call), Pools::volume_of(obj), in.offset, in.length,
                                           (in.flags & PV_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM) != 0));
    }

  private:
    struct Made {
        StorageVolumePtr volume;
        FaultSet faults;
        bool has_allocation;
    };

    Pools& pools() const { return driver_.pools(); }
    pv_status with(pv_call* call, const pv_obj* obj, const Pools::VolumeChange& change) const {
        return answer(call, pools().change(Pools::volume_of(obj), change));
    }

    Result<Made> describe(const StoragePoolPtr& pool, const char* xml, bool copy, bool validate) const {
        storage::PoolType type{};
        {
            const ObjectLock lock(pool->mu);
            type = pool->document->type;
        }
        PV_ASSIGN_OR_RETURN(const Node root, sdk::xml::read(xml, storage::kVolumeRoot.what));
        PV_ASSIGN_OR_RETURN(const DescribedVolume d, describe_object<storage::Volume>(root, [&](const Node& n) {
            return storage::parse_volume(n, type, {.capacity_optional = copy, .limits = {}});
        }));
        if (validate) PV_TRY(sdk::xml::refuse_unknown(d.messages));
        Made made{std::make_shared<StorageVolume>(pool, pools().budget()), d.faults, root.child("allocation") != nullptr};
        made.volume->document = *d.value;
        made.volume->faults_text = d.faults_text;
        return made;
    }

    static Status set_size(StoragePool& pool, StorageVolume& v, const pv_vol_resize_in& in) PV_REQUIRES(pool.mu) {
        const std::uint64_t before = *v.document.capacity;
        const bool shrink = (in.flags & PV_STORAGE_VOL_RESIZE_SHRINK) != 0;
        std::uint64_t after = in.capacity;
        if ((in.flags & PV_STORAGE_VOL_RESIZE_DELTA) != 0) {
            if (shrink) after = before - std::min(before, in.capacity);
            else if (__builtin_add_overflow(before, in.capacity, &after))
                return make_error(ErrorCode::overflow, ErrorDomain::test, "{} and {} bytes are too many", before, in.capacity);
        }
        if (after < before && !shrink)
            return bad_argument("Can't shrink capacity below current capacity unless shrink flag explicitly specified");
        const std::uint64_t allocated = *v.document.allocation;
        const bool allocate = (in.flags & PV_STORAGE_VOL_RESIZE_ALLOCATE) != 0;
        const std::uint64_t wanted = allocate ? after : std::min(allocated, after);
        if (wanted > allocated && wanted - allocated > pool.available())
            return make_error(ErrorCode::operation_failed, ErrorDomain::test, "Not enough space left in storage pool");
        pool.allocation = pool.allocation - std::min(pool.allocation, allocated) + wanted;
        v.document.capacity = after;
        v.document.allocation = wanted;
        v.contents.truncate(after);
        return {};
    }
};

} // namespace

const void* sto_vol_table() {
    static const auto table = make_table<pv_sto_vol>([](auto& t) {
        t.create_xml = op<"volume.create_xml", &VolumeOps::create_xml>;
        t.create_xml_from = op<"volume.create_xml_from", &VolumeOps::create_xml_from>;
        t.remove = op<"volume.remove", &VolumeOps::remove>;
        t.info = op<"volume.info", &VolumeOps::info>;
        t.xml_desc = op<"volume.xml_desc", &VolumeOps::xml_desc>;
        t.resize = op<"volume.resize", &VolumeOps::resize>;
        t.wipe = op<"volume.wipe", &VolumeOps::wipe>;
        t.upload = op<"volume.upload", &VolumeOps::upload>;
        t.download = op<"volume.download", &VolumeOps::download>;
    });
    return &table;
}

} // namespace polyvirt::test
