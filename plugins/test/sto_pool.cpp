// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.sto.pool: storage pools.

#include <polyvirt/abi/gen/sto_pool.h>

#include "op.h"
#include "pools.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

namespace storage = sdk::storage;

Error invalid_pool(std::string text) { return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "{}", text); }
Error pool_active(const StoragePool& pool) { return invalid_pool(fmt::format("storage pool '{}' is active", pool.name)); }

constexpr std::uint32_t kPoolCreateFlags = PV_STORAGE_POOL_CREATE_WITH_BUILD | PV_STORAGE_POOL_CREATE_WITH_BUILD_OVERWRITE |
                                       PV_STORAGE_POOL_CREATE_WITH_BUILD_NO_OVERWRITE;

// What a search finds on the imaginary host.
constexpr std::string_view kVolumeGroups[][2] = {{"testvg1", "/dev/sda20"}, {"testvg2", "/dev/sda21"}};
constexpr std::string_view kShare = "/testshare";

class PoolOps : public Ops {
  public:
    using Ops::Ops;

    pv_status capabilities(pv_call* call, const pv_obj*, const pv_pool_capabilities_in& in, pv_pool_capabilities_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testConnectGetStoragePoolCapabilities"); !flags) return answer(call, flags);
        return write_document(s_, call, out.xml, storage::format_pool_capabilities([](storage::PoolType) { return true; }));
    }

    pv_status find_sources(pv_call* call, const pv_obj*, const pv_pool_find_sources_in& in, pv_pool_find_sources_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testConnectFindStoragePoolSources"); !flags) return answer(call, flags);
        auto found = search(in.type, in.source);
        if (!found) return fail(call, found.error());
        return write_document(s_, call, out.xml, storage::format_sources(*found));
    }

    pv_status create_xml(pv_call* call, const pv_obj*, const pv_pool_create_xml_in& in, pv_pool_create_xml_out& out) {
        if (const Status flags = check_flags(in.flags, kPoolCreateFlags, "testStoragePoolCreateXML"); !flags) return answer(call, flags);
        return put(call, in.xml, false, in.flags, false, out.obj);
    }
    pv_status define_xml(pv_call* call, const pv_obj*, const pv_pool_define_xml_in& in, pv_pool_define_xml_out& out) {
        if (const Status flags = check_flags(in.flags, PV_STORAGE_POOL_DEFINE_VALIDATE, "testStoragePoolDefineXML"); !flags)
            return answer(call, flags);
        return put(call, in.xml, true, 0, (in.flags & PV_STORAGE_POOL_DEFINE_VALIDATE) != 0, out.obj);
    }

    pv_status undefine(pv_call* call, const pv_obj* obj, const pv_pool_undefine_in&, pv_pool_undefine_out&) {
        return change(call, obj, [this](StoragePool& pool) PV_REQUIRES(pool.mu) -> Status {
            if (pool.active) return pool_active(pool);
            pool.persistent = pool.autostart = false;
            pools().show(pool);
            pools().post(pool, PV_STORAGE_POOL_EVENT_UNDEFINED);
            return {};
        });
    }
    pv_status create(pv_call* call, const pv_obj* obj, const pv_pool_create_in& in, pv_pool_create_out&) {
        if (const Status flags = check_flags(in.flags, kPoolCreateFlags, "testStoragePoolCreate"); !flags) return answer(call, flags);
        return change(call, obj, [&](StoragePool& pool) PV_REQUIRES(pool.mu) -> Status {
            if (pool.active) return pool_active(pool);
            if (in.flags != 0) pools().post(pool, PV_STORAGE_POOL_EVENT_CREATED);
            start(pool);
            return {};
        });
    }
    pv_status build(pv_call* call, const pv_obj* obj, const pv_pool_build_in& in, pv_pool_build_out&) {
        constexpr std::uint32_t kFlags = PV_STORAGE_POOL_BUILD_OVERWRITE | PV_STORAGE_POOL_BUILD_NO_OVERWRITE;
        if (const Status flags = check_flags(in.flags, kFlags, "testStoragePoolBuild"); !flags) return answer(call, flags);
        return change(call, obj, [this](StoragePool& pool) PV_REQUIRES(pool.mu) -> Status {
            if (pool.active) return pool_active(pool);
            pools().post(pool, PV_STORAGE_POOL_EVENT_CREATED);
            return {};
        });
    }
    pv_status destroy(pv_call* call, const pv_obj* obj, const pv_pool_destroy_in&, pv_pool_destroy_out&) {
        return change(call, obj, [this](StoragePool& pool) PV_REQUIRES(pool.mu) -> Status {
            if (!pool.active) return pool_inactive(pool);
            pool.active = false;
            if (pool.next) pool.document = std::move(pool.next);
            pools().show(pool);
            pools().post(pool, PV_STORAGE_POOL_EVENT_STOPPED);
            return {};
        });
    }
    pv_status remove(pv_call* call, const pv_obj* obj, const pv_pool_remove_in& in, pv_pool_remove_out&) {
        if (const Status flags = check_flags(in.flags, PV_STORAGE_POOL_DELETE_ZEROED, "testStoragePoolDelete"); !flags)
            return answer(call, flags);
        return change(call, obj, [this](StoragePool& pool) PV_REQUIRES(pool.mu) -> Status {
            if (pool.active) return pool_active(pool);
            pools().post(pool, PV_STORAGE_POOL_EVENT_DELETED);
            return {};
        });
    }
    pv_status refresh(pv_call* call, const pv_obj* obj, const pv_pool_refresh_in& in, pv_pool_refresh_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testStoragePoolRefresh"); !flags) return answer(call, flags);
        return change(call, obj, [this](StoragePool& pool) PV_REQUIRES(pool.mu) -> Status {
            if (!pool.active) return pool_inactive(pool);
            pools().post_refresh(pool);
            return {};
        });
    }

    pv_status info(pv_call* call, const pv_obj* obj, const pv_pool_info_in&, pv_pool_info_out& out) {
        return change(call, obj, [&](StoragePool& pool) PV_REQUIRES(pool.mu) -> Status {
            out.state = pool.active ? PV_STORAGE_POOL_RUNNING : PV_STORAGE_POOL_INACTIVE;
            out.capacity = pool.capacity;
            out.allocation = pool.allocation;
            out.available = pool.available();
            return {};
        });
    }

    pv_status xml_desc(pv_call* call, const pv_obj* obj, const pv_pool_xml_desc_in& in, pv_pool_xml_desc_out& out) {
        if (const Status flags = check_flags(in.flags, PV_STORAGE_XML_INACTIVE, "testStoragePoolGetXMLDesc"); !flags)
            return answer(call, flags);
        std::string text;
        const pv_status status = change(call, obj, [&](StoragePool& pool) PV_REQUIRES(pool.mu) -> Status {
            storage::Pool shown = pools().shown(pool);
            if ((in.flags & PV_STORAGE_XML_INACTIVE) != 0 && pool.next) {
                const auto figures = std::tuple(shown.capacity, shown.allocation, shown.available);
                shown = *pool.next;
                std::tie(shown.capacity, shown.allocation, shown.available) = figures;
            }
            text = with_faults(storage::format_pool(shown), pool.faults_text);
            return {};
        });
        return status == PV_OK ? write_document(s_, call, out.xml, text) : status;
    }

    pv_status set_autostart(pv_call* call, const pv_obj* obj, const pv_pool_set_autostart_in& in, pv_pool_set_autostart_out&) {
        return change(call, obj, [&](StoragePool& pool) PV_REQUIRES(pool.mu) -> Status {
            if (!pool.persistent)
                return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "pool has no config file");
            pool.autostart = in.autostart != 0;
            pools().show(pool);
            return {};
        });
    }

  private:
    Pools& pools() const { return driver_.pools(); }
    pv_status change(pv_call* call, const pv_obj* obj, const Pools::Change& change) const {
        return answer(call, pools().change(Pools::of(obj), change));
    }

    void start(StoragePool& pool) const PV_REQUIRES(pool.mu) {
        pool.active = true;
        pools().show(pool);
        pools().post(pool, PV_STORAGE_POOL_EVENT_STARTED);
    }

    pv_status put(pv_call* call, const char* xml, bool persistent, std::uint32_t flags, bool validate, std::uint64_t& handle) const {
        auto described = validated(pools().parse(xml), validate);
        if (!described) return fail(call, described.error());
        auto added = pools().add(call, *described, persistent);
        if (!added) return fail(call, added.error());
        return answer(call, pools().change(added->object, [&](StoragePool& pool) PV_REQUIRES(pool.mu) -> Status {
            if (!persistent && pool.active)
                return make_error(ErrorCode::operation_failed, ErrorDomain::test, "pool is already active as '{}'", pool.name);
            (pool.active ? pool.next : pool.document) = described->value;
            pools().take_faults(pool, *described);
            handle = pool.handle;
            if (persistent) {
                pool.persistent = true;
                pools().show(pool);
                pools().post(pool, PV_STORAGE_POOL_EVENT_DEFINED);
                return {};
            }
            if (flags != 0) pools().post(pool, PV_STORAGE_POOL_EVENT_CREATED);
            start(pool);
            return {};
        }));
    }

    static Result<std::vector<storage::PoolSource>> search(std::string_view type_name, const char* where) {
        storage::PoolType type{};
        const auto type_scalar = sdk::xml::scalar(type);
        if (!type_scalar.ops->parse(type_scalar.value, type_name, {}) || type == storage::PoolType::dir)
            return make_error(ErrorCode::internal_error, ErrorDomain::test, "unknown storage pool type {}", type_name);
        std::optional<storage::PoolSource> spec;
        if (where != nullptr && *where != '\0') {
            PV_ASSIGN_OR_RETURN(spec, storage::parse_source(where, type));
        }
        std::vector<storage::PoolSource> found;
        if (type == storage::PoolType::logical) {
            for (const auto& [name, device] : kVolumeGroups) {
                storage::PoolSource& source = found.emplace_back();
                source.devices.push_back({std::string(device), {}, {}});
                source.name = name;
                source.format = "lvm2";
            }
            return found;
        }
        if (type == storage::PoolType::netfs) {
            if (!spec || spec->hosts.empty())
                return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "hostname must be specified for netfs sources");
            storage::PoolSource& source = found.emplace_back();
            source.hosts = spec->hosts;
            source.dir = kShare;
            source.format = "nfs";
            return found;
        }
        return make_error(ErrorCode::no_support, ErrorDomain::test, "pool type '{}' does not support source discovery", type_name);
    }
};

} // namespace

const void* sto_pool_table() {
    static const auto table = make_table<pv_sto_pool>([](auto& t) {
        t.capabilities = op<"pool.capabilities", &PoolOps::capabilities>;
        t.find_sources = op<"pool.find_sources", &PoolOps::find_sources>;
        t.create_xml = op<"pool.create_xml", &PoolOps::create_xml>;
        t.define_xml = op<"pool.define_xml", &PoolOps::define_xml>;
        t.undefine = op<"pool.undefine", &PoolOps::undefine>;
        t.create = op<"pool.create", &PoolOps::create>;
        t.build = op<"pool.build", &PoolOps::build>;
        t.destroy = op<"pool.destroy", &PoolOps::destroy>;
        t.remove = op<"pool.remove", &PoolOps::remove>;
        t.refresh = op<"pool.refresh", &PoolOps::refresh>;
        t.info = op<"pool.info", &PoolOps::info>;
        t.xml_desc = op<"pool.xml_desc", &PoolOps::xml_desc>;
        t.set_autostart = op<"pool.set_autostart", &PoolOps::set_autostart>;
    });
    return &table;
}

} // namespace polyvirt::test
