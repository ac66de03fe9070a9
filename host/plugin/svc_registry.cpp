// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.registry/1
#include <polyvirt/abi/registry.h>

#include <algorithm>

#include "base/log.h"
#include "host/plugin/context.h"
#include "host/plugin/service.h"

namespace polyvirt::plugin {
namespace {

constexpr std::uint32_t kMaxKeys = 64;
constexpr std::uint32_t kMinUpdate = offsetof(pv_obj_update, name) + sizeof(const char*);
constexpr std::uint32_t kMinDesc = offsetof(pv_obj_desc, release) + sizeof(pv_release_fn);

bool are_good(const pv_key* keys, std::uint32_t n) {
    if (n > kMaxKeys || (n > 0 && keys == nullptr)) return false;
    return std::all_of(keys, keys + n, [](const pv_key& k) { return k.name != nullptr && k.value != nullptr; });
}

bool is_good(const pv_obj_desc* d) {
    if (d == nullptr || d->size < kMinDesc || d->kind < PV_KIND_DOMAIN || d->kind > PV_KIND_CHECKPOINT) return false;
    return d->name != nullptr && d->name[0] != '\0' && are_good(d->keys, d->nkeys);
}

pv_status publish(pv_host* host, pv_call* call, const pv_obj_desc* desc, std::uint64_t* handle) noexcept {
    if (host == nullptr || handle == nullptr || !is_good(desc)) return misuse(call, "registry.publish");
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        const CallRef by = CallHandles::find(call, "registry.publish");
        if (by.is_over()) return PV_GONE;
        // Who forgets to say for whom still publishes for the call that it is inside with.
        Call* const current = by ? by.get() : CurrentCall::of(host);
        if (current != nullptr)
            if (Status allowed = current->allow_publish(*host->registry.described(*desc)); !allowed) {
                current->set_error(std::move(allowed).error());
                return PV_FAIL;
            }
        Result<std::uint64_t> made = host->registry.publish(*desc);
        if (!made) return fail(by, std::move(made).error());
        *handle = *made;
        return PV_OK;
    });
}

pv_status update(pv_host* host, std::uint64_t handle, const pv_obj_update* update) noexcept {
    constexpr std::uint32_t kAll = PV_UPDATE_ATTRS | PV_UPDATE_STATE | PV_UPDATE_ID | PV_UPDATE_NAME | PV_UPDATE_KEYS;
    if (host == nullptr || update == nullptr || update->size < kMinUpdate || (update->what & ~kAll) != 0) return PV_ABI;
    if ((update->what & PV_UPDATE_NAME) != 0 && (update->name == nullptr || update->name[0] == '\0')) return PV_ABI;
    if ((update->what & PV_UPDATE_KEYS) != 0 &&
        (!PV_COVERS(update, pv_obj_update, keys) || !are_good(update->keys, update->nkeys)))
        return PV_ABI;
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        const ObjectPtr there = host->registry.find(handle);
        if (!there) return PV_GONE;
        Call* const current = (update->what & PV_UPDATE_NAME) != 0 ? CurrentCall::of(host) : nullptr;
        if (current != nullptr && there->name != update->name) {
            ObjectRef renamed = *there;
            renamed.name = update->name;
            if (Status allowed = current->allow_publish(renamed); !allowed) {
                current->set_error(std::move(allowed).error());
                return PV_FAIL;
            }
        }
        const Status done = host->registry.update(handle, *update);
        if (done) return PV_OK;
        log::warning("plugin", "{}: update refused: {}", host->plugin_id, done.error().message);
        return PV_FAIL;
    });
}

pv_status retire(pv_host* host, std::uint64_t handle) noexcept {
    if (host == nullptr) return PV_ABI;
    return guarded(pv_status{PV_FAIL},
                   [&]() -> pv_status { return host->registry.retire(handle) ? PV_OK : PV_GONE; });
}

void* pin(pv_host* host, std::uint64_t handle) noexcept {
    if (host == nullptr) return nullptr;
    return guarded(static_cast<void*>(nullptr), [&] { return host->pins.pin(host->registry.find(handle)); });
}

void unpin(pv_host* host, std::uint64_t handle) noexcept {
    if (host == nullptr) return;
    guarded(0, [&] {
        static_cast<void>(PV_BUG(!host->pins.unpin(handle)));
        return 0;
    });
}

std::uint64_t handle_of(const ObjectPtr& object) { return object ? object->handle : 0; }

std::uint64_t find_uuid(pv_host* host, std::uint32_t kind, const std::uint8_t uuid[16]) noexcept {
    if (host == nullptr || uuid == nullptr) return 0;
    return guarded(std::uint64_t{0},
                   [&] { return handle_of(host->registry.find_uuid(kind, Uuid::from_bytes(uuid))); });
}

std::uint64_t find_name(pv_host* host, std::uint32_t kind, std::uint64_t parent, const char* name) noexcept {
    if (host == nullptr || name == nullptr) return 0;
    return guarded(std::uint64_t{0}, [&] { return handle_of(host->registry.find_name(kind, parent, name)); });
}

constexpr pv_svc_registry kRegistryTable = {sizeof(pv_svc_registry), 0,   publish,   update,   retire,
                                    pin,                     unpin, find_uuid, find_name};

} // namespace

const Service kRegistryService{PV_SVC_REGISTRY, &kRegistryTable};

} // namespace polyvirt::plugin
