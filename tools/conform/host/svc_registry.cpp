// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.registry/1

#include <algorithm>
#include <cstring>

#include "base/uuid.h"
#include "tools/conform/host/services.h"

namespace polyvirt::conform {
namespace {

constexpr std::uint32_t kAllUpdates = PV_UPDATE_ATTRS | PV_UPDATE_STATE | PV_UPDATE_ID | PV_UPDATE_NAME | PV_UPDATE_KEYS;

bool parented(std::uint32_t kind) {
    return kind == PV_KIND_VOLUME || kind == PV_KIND_SNAPSHOT || kind == PV_KIND_CHECKPOINT || kind == PV_KIND_NETWORK_PORT;
}

std::vector<std::pair<std::string, std::string>> copied(const pv_key* keys, std::uint32_t n, const char* service) {
    std::vector<std::pair<std::string, std::string>> list;
    for (std::uint32_t i = 0; keys != nullptr && i < n && i < 256; ++i) {
        if (keys[i].name == nullptr || keys[i].value == nullptr) complain("registry.rules", "{}: a key without name or value", service);
        else list.emplace_back(keys[i].name, keys[i].value);
    }
    return list;
}

// A domain runs if and only if it has a number.
void check_domain(const Object& o, const char* service) {
    if (o.kind != PV_KIND_DOMAIN) return;
    const bool active = (o.attrs & PV_ATTR_ACTIVE) != 0;
    if (active != (o.dom_id > 0))
        complain("registry.rules", "{}: domain '{}' is {} but has id {}", service, o.name, active ? "active" : "not active", o.dom_id);
    if (o.state < 0 || o.state > 7) complain("registry.rules", "{}: domain '{}' has state {}", service, o.name, o.state);
}

// Why an object is not what the call was authorised to make; "": it is, or of another kind.
std::string unauthorised(const Authorised& by, const Object& o) {
    if (o.kind != by.kind) return {};
    if (!by.name.empty() && o.name != by.name) return fmt::format("the caller was authorised for '{}'", by.name);
    const auto uuid = Uuid::parse(by.uuid);
    if (uuid && o.uuid != uuid->bytes) return fmt::format("the caller was authorised for the one with uuid {}", by.uuid);
    return {};
}

// Why it cannot be published; "": it can.
std::string refusal(pv_host* host, pv_call* call, const Object& o) PV_REQUIRES(g_mu) {
    const auto parent = find_object(host, o.parent);
    if (parented(o.kind) != (o.parent != 0)) complain("registry.rules", "registry.publish: {} '{}' {} a parent", kind_name(o.kind), o.name, o.parent != 0 ? "has" : "lacks");
    if (o.parent != 0 && !parent) return "its parent is gone";
    if (const std::string other = call != nullptr ? unauthorised(call->authorised, o) : ""; !other.empty()) {
        complain("registry.rules", "registry.publish: {} '{}' in {}: {} (R24)", kind_name(o.kind), o.name, call->name(), other);
        return other;
    }
    for (const auto& [handle, other] : host->objects) {
        if (other->retired || other->kind != o.kind) continue;
        if (other->name == o.name && other->parent == o.parent) return fmt::format("the name '{}' is taken", o.name);
        if (o.uuid != std::array<std::uint8_t, 16>{} && other->uuid == o.uuid) return "the uuid is taken by '" + other->name + "'";
        if (o.dom_id > 0 && other->dom_id == o.dom_id) return "the id is taken by '" + other->name + "'";
    }
    return {};
}

pv_status publish(pv_host* host, pv_call* call, const pv_obj_desc* desc, std::uint64_t* handle) noexcept {
    const Service service("registry.publish");
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return PV_ABI;
    if (call != nullptr && world().handles.valid(call, service) == nullptr) return PV_ABI;
    if (desc == nullptr || desc->size < sizeof(pv_obj_desc) || desc->name == nullptr || *desc->name == '\0' ||
        desc->kind == PV_KIND_NONE || desc->kind > PV_KIND_CHECKPOINT || handle == nullptr) {
        // An empty name may be what a client wrote: refused, as the host does.
        if (desc == nullptr || desc->name == nullptr || *desc->name != '\0') complain("registry.rules", "registry.publish: no name, an unknown kind or a short description");
        host_error(call, 1, "registry.publish: what is to be published makes no sense");
        return PV_FAIL;
    }
    if (service.fails()) {
        host_error(call, 1, "the kit made registry.publish fail");
        return PV_FAIL;
    }
    if (!world().subject->manifest.has_kind(kind_name(desc->kind)))
        complain("registry.rules", "registry.publish: the manifest's kinds lack {}", kind_name(desc->kind));
    auto o = std::make_shared<Object>();
    o->kind = desc->kind;
    o->name = desc->name;
    std::copy(std::begin(desc->uuid), std::end(desc->uuid), o->uuid.begin());
    o->dom_id = desc->dom_id;
    o->state = desc->state;
    o->reason = desc->reason;
    o->attrs = desc->attrs;
    o->parent = desc->parent;
    o->keys = copied(desc->keys, desc->nkeys, service.name());
    o->data = desc->data;
    o->release = desc->release;
    if (const std::string why = refusal(host, call, *o); !why.empty()) {
        host_error(call, 1, fmt::format("{} '{}' cannot be published: {}", kind_name(o->kind), o->name, why));
        return PV_FAIL;
    }
    check_domain(*o, service.name());
    static std::uint64_t next = 100;
    o->handle = ++next;
    host->objects[o->handle] = o;
    ++world().activity;
    *handle = o->handle;
    return PV_OK;
}

pv_status update(pv_host* host, std::uint64_t handle, const pv_obj_update* u) noexcept {
    const Service service("registry.update");
    if (service.fails()) return PV_FAIL;
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return PV_ABI;
    if (u == nullptr || u->size < sizeof(pv_obj_update) || (u->what & ~kAllUpdates) != 0) {
        complain("registry.rules", "registry.update: unknown bits or a short struct");
        return PV_ABI;
    }
    const ObjectPtr o = find_object(host, handle);
    if (!o) return PV_GONE;
    if ((u->what & PV_UPDATE_ATTRS) != 0) o->attrs = (o->attrs & ~u->attrs_mask) | (u->attrs & u->attrs_mask);
    if ((u->what & PV_UPDATE_STATE) != 0) o->state = u->state, o->reason = u->reason;
    if ((u->what & PV_UPDATE_ID) != 0) o->dom_id = u->dom_id;
    if ((u->what & PV_UPDATE_NAME) != 0 && u->name != nullptr) o->name = u->name;
    if ((u->what & PV_UPDATE_KEYS) != 0) o->keys = copied(u->keys, u->nkeys, service.name());
    check_domain(*o, service.name());
    ++world().activity;
    return PV_OK;
}

pv_status retire(pv_host* host, std::uint64_t handle) noexcept {
    const Service service("registry.retire");
    if (service.fails()) return PV_FAIL;
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return PV_ABI;
    const ObjectPtr o = find_object(host, handle);
    if (!o) return PV_GONE;
    retire_object(host, o);
    return PV_OK;
}

void* pin(pv_host* host, std::uint64_t handle) noexcept {
    const Service service("registry.pin");
    if (service.fails()) return nullptr;
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return nullptr;
    const ObjectPtr o = find_object(host, handle);
    if (!o) return nullptr;
    ++o->pins;
    return o->data;
}

void unpin(pv_host* host, std::uint64_t handle) noexcept {
    const Service service("registry.unpin");
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return;
    const auto at = host->objects.find(handle);
    if (at == host->objects.end() || at->second->pins == 0) {
        complain("registry.rules", "registry.unpin: object {} is not pinned", handle);
        return;
    }
    --at->second->pins;
    release_object(host, at->second);
}

template <typename Fits> std::uint64_t find_if(pv_host* host, const Fits& fits) PV_REQUIRES(g_mu) {
    for (const auto& [handle, o] : host->objects)
        if (!o->retired && fits(*o)) return handle;
    return 0;
}

std::uint64_t find_uuid(pv_host* host, std::uint32_t kind, const std::uint8_t uuid[16]) noexcept {
    const Service service("registry.find_uuid");
    const LeafLock lock(g_mu);
    if (uuid == nullptr || world().handles.valid(host, service) == nullptr) return 0;
    return find_if(host, [&](const Object& o) { return o.kind == kind && std::memcmp(o.uuid.data(), uuid, 16) == 0; });
}

std::uint64_t find_name(pv_host* host, std::uint32_t kind, std::uint64_t parent, const char* name) noexcept {
    const Service service("registry.find_name");
    const LeafLock lock(g_mu);
    if (name == nullptr || world().handles.valid(host, service) == nullptr) return 0;
    return find_if(host, [&](const Object& o) { return o.kind == kind && (parent == 0 || o.parent == parent) && o.name == name; });
}

} // namespace

ObjectPtr find_object(pv_host* host, std::uint64_t handle) {
    const auto at = host->objects.find(handle);
    return at == host->objects.end() || at->second->retired ? nullptr : at->second;
}

void release_object(pv_host* host, const ObjectPtr& o) {
    if (!o->retired || o->pins > 0 || o->released) return;
    o->released = true;
    if (o->release != nullptr && o->data != nullptr)
        give_task(host->own_loop, {.release = o->release, .ctx = o->data, .what = "release of an object"});
}

void retire_object(pv_host* host, const ObjectPtr& o) {
    o->retired = true;
    ++world().activity;
    for (const auto& [handle, child] : host->objects)
        if (child->parent == o->handle && !child->retired) retire_object(host, child);
    release_object(host, o);
}

std::vector<ObjectPtr> objects_of(pv_host* host, std::uint32_t kind) {
    const LeafLock lock(g_mu);
    std::vector<ObjectPtr> list;
    for (const auto& [handle, o] : host->objects)
        if (!o->retired && o->kind == kind) list.push_back(o);
    return list;
}

const pv_svc_registry kRegistry = {sizeof(pv_svc_registry), 0, publish, update, retire, pin, unpin, find_uuid, find_name};

} // namespace polyvirt::conform
