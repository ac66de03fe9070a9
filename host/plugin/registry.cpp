// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/registry.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <unordered_map>

#include "base/error_text.h"
#include "base/sync.h"
#include "host/plugin/manifest.h"

namespace polyvirt::plugin {
namespace {

// One sequence for all instances, so that a handle names one object of the whole daemon.
std::atomic<std::uint64_t> g_last_handle{0};

struct NameKey {
    std::uint32_t kind;
    std::uint64_t parent;
    std::string name;
    bool operator==(const NameKey&) const = default;
};
struct UuidKey {
    std::uint32_t kind;
    Uuid uuid;
    bool operator==(const UuidKey&) const = default;
};
struct TextKey {
    std::uint32_t kind;
    std::string key, value;
    bool operator==(const TextKey&) const = default;
};
struct Hash {
    static std::size_t mix(std::size_t a, std::size_t b) { return a ^ (b + 0x9e3779b97f4a7c15ULL + (a << 6) + (a >> 2)); }
    std::size_t operator()(const NameKey& k) const {
        return mix(mix(std::hash<std::string>{}(k.name), k.kind), std::hash<std::uint64_t>{}(k.parent));
    }
    std::size_t operator()(const UuidKey& k) const { return mix(UuidHash{}(k.uuid), k.kind); }
    std::size_t operator()(const TextKey& k) const {
        return mix(mix(std::hash<std::string>{}(k.key), std::hash<std::string>{}(k.value)), k.kind);
    }
};

struct Kept {
    ObjectPtr ref;
    std::uint64_t parent = 0;
    std::vector<std::uint64_t> children;
};

bool matches(const ObjectRef& o, const ListFilter& f) {
    return (o.attrs & f.all_set) == f.all_set && (o.attrs & f.all_clear) == 0 &&
           (o.state < 0 || o.state > 63 || (f.states >> o.state & 1U) != 0);
}

std::vector<std::pair<std::string, std::string>> to_keys(const pv_key* from, std::uint32_t n) {
    std::vector<std::pair<std::string, std::string>> keys;
    keys.reserve(n);
    for (std::uint32_t i = 0; i < n; ++i) keys.emplace_back(from[i].name, from[i].value);
    return keys;
}

// Kinds whose objects belong to another one, so that their names are unique within that alone.
bool has_parent(std::uint32_t kind) {
    return kind == PV_KIND_NETWORK_PORT || kind == PV_KIND_VOLUME || kind == PV_KIND_SNAPSHOT || kind == PV_KIND_CHECKPOINT;
}

Error taken(const ObjectRef& by, std::string_view how) {
    return make_error(ErrorCode::operation_failed, ErrorDomain::none, "{} '{}' {}", kind_name(by.kind), by.name, how);
}

} // namespace

struct Registry::State {
    mutable Mutex mu{Rank::leaf};
    std::map<std::uint64_t, Kept> objects PV_GUARDED_BY(mu); // handles rise: this is the order of publication
    std::unordered_map<NameKey, std::uint64_t, Hash> names PV_GUARDED_BY(mu);
    std::unordered_map<UuidKey, std::uint64_t, Hash> uuids PV_GUARDED_BY(mu);
    std::unordered_multimap<TextKey, std::uint64_t, Hash> keys PV_GUARDED_BY(mu);
    std::unordered_map<std::int32_t, std::uint64_t> ids PV_GUARDED_BY(mu);
    std::map<std::uint32_t, std::map<std::uint64_t, Kept*>> kinds PV_GUARDED_BY(mu);
    const RunRelease run_release;
    Census* const census;

    State(RunRelease r, Census* c) : run_release(std::move(r)), census(c) {}

    // Today's view of an object; refreshed first if its parent has changed since.
    ObjectPtr view(Kept& entry) const PV_REQUIRES(mu) {
        if (entry.parent != 0) {
            const auto parent = objects.find(entry.parent);
            ObjectPtr now = parent != objects.end() ? view(const_cast<Kept&>(parent->second)) : nullptr;
            if (entry.ref->parent != now) {
                auto fresh = std::make_shared<ObjectRef>(*entry.ref);
                fresh->parent = std::move(now);
                entry.ref = std::move(fresh);
            }
        }
        return entry.ref;
    }

    Kept* find(std::uint64_t handle) PV_REQUIRES(mu) {
        const auto it = objects.find(handle);
        return it != objects.end() ? &it->second : nullptr;
    }

    std::vector<Kept*> select(const ListFilter& filter) PV_REQUIRES(mu);
    Status check_free(const ObjectRef& wanted, std::uint64_t parent, std::uint64_t self) PV_REQUIRES(mu);
    void index(const ObjectRef& o, std::uint64_t parent) PV_REQUIRES(mu);
    void unindex(const ObjectRef& o, std::uint64_t parent) PV_REQUIRES(mu);
    void remove(std::uint64_t handle, std::vector<ObjectPtr>& gone) PV_REQUIRES(mu);
    [[nodiscard]] std::shared_ptr<Census::Token> count_data() const;
    std::shared_ptr<void> own_data(const pv_obj_desc& desc, std::shared_ptr<Census::Token> token) const;
};

Status Registry::State::check_free(const ObjectRef& wanted, std::uint64_t parent, std::uint64_t self) {
    if (const auto it = names.find({wanted.kind, parent, wanted.name}); it != names.end())
        if (const Kept* e = it->second != self ? find(it->second) : nullptr)
            return taken(*e->ref, fmt::format("already exists with uuid {}", e->ref->uuid.to_string()));
    if (!wanted.uuid.is_nil())
        if (const auto it = uuids.find({wanted.kind, wanted.uuid}); it != uuids.end())
            if (const Kept* e = it->second != self ? find(it->second) : nullptr)
                return taken(*e->ref, fmt::format("is already defined with uuid {}", e->ref->uuid.to_string()));
    if (wanted.kind == PV_KIND_DOMAIN && wanted.dom_id > 0)
        if (const auto it = ids.find(wanted.dom_id); it != ids.end())
            if (const Kept* e = it->second != self ? find(it->second) : nullptr) return taken(*e->ref, fmt::format("already has id {}", wanted.dom_id));
    return {};
}

std::vector<Kept*> Registry::State::select(const ListFilter& filter) {
    std::vector<Kept*> found;
    const auto offer = [&](Kept* entry) {
        if (entry->ref->kind == filter.kind && matches(*entry->ref, filter)) found.push_back(entry);
    };
    if (filter.parent == 0) {
        if (const auto all = kinds.find(filter.kind); all != kinds.end())
            for (const auto& [handle, entry] : all->second) offer(entry);
    } else if (const Kept* parent = find(filter.parent)) {
        for (const std::uint64_t child : parent->children) offer(find(child));
    }
    return found;
}

void Registry::State::index(const ObjectRef& o, std::uint64_t parent) {
    names[{o.kind, parent, o.name}] = o.handle;
    if (!o.uuid.is_nil()) uuids[{o.kind, o.uuid}] = o.handle;
    if (o.kind == PV_KIND_DOMAIN && o.dom_id > 0) ids[o.dom_id] = o.handle;
    for (const auto& [key, value] : o.keys) keys.insert({{o.kind, key, value}, o.handle});
}

void Registry::State::unindex(const ObjectRef& o, std::uint64_t parent) {
    names.erase({o.kind, parent, o.name});
    if (!o.uuid.is_nil()) uuids.erase({o.kind, o.uuid});
    if (o.kind == PV_KIND_DOMAIN && o.dom_id > 0) ids.erase(o.dom_id);
    for (const auto& [key, value] : o.keys) {
        const auto [first, last] = keys.equal_range({o.kind, key, value});
        for (auto it = first; it != last; ++it)
            if (it->second == o.handle) {
                keys.erase(it);
                break;
            }
    }
}

void Registry::State::remove(std::uint64_t handle, std::vector<ObjectPtr>& gone) {
    const auto it = objects.find(handle);
    if (it == objects.end()) return;
    const std::vector<std::uint64_t> children = std::move(it->second.children);
    for (const std::uint64_t child : children) remove(child, gone);
    if (Kept* parent = find(it->second.parent)) std::erase(parent->children, handle);
    unindex(*it->second.ref, it->second.parent);
    kinds[it->second.ref->kind].erase(handle);
    gone.push_back(std::move(it->second.ref));
    objects.erase(it);
}

std::shared_ptr<Census::Token> Registry::State::count_data() const {
    auto token = std::make_shared<Census::Token>();
    if (census != nullptr) *token = census->take(Census::object_data);
    return token;
}

std::shared_ptr<void> Registry::State::own_data(const pv_obj_desc& desc, std::shared_ptr<Census::Token> token) const {
    // Captured by value: pins may outlive the registry.
    return {desc.data, [release = desc.release, run = run_release, token](void* data) {
                if (release == nullptr) return;
                if (run) run([release, data, token] { release(data); });
                else release(data);
            }};
}

Registry::Registry(RunRelease run_release, Census* census)
    : state_(std::make_unique<State>(std::move(run_release), census)) {}
Registry::~Registry() { clear(); }

namespace {

std::shared_ptr<ObjectRef> to_object(const pv_obj_desc& desc) {
    auto object = std::make_shared<ObjectRef>();
    object->kind = desc.kind;
    object->name = desc.name;
    object->uuid = Uuid::from_bytes(desc.uuid);
    object->dom_id = desc.dom_id;
    object->state = desc.state;
    object->reason = desc.reason;
    object->attrs = desc.attrs;
    object->keys = to_keys(desc.keys, desc.nkeys);
    return object;
}

} // namespace

std::shared_ptr<ObjectRef> Registry::described(const pv_obj_desc& desc) const {
    auto object = to_object(desc);
    if (desc.parent != 0) object->parent = find(desc.parent);
    return object;
}

Result<std::uint64_t> Registry::publish(const pv_obj_desc& desc) {
    auto object = to_object(desc);
    auto token = state_->count_data(); // the census has a leaf lock of its own
    const LeafLock lock(state_->mu);
    PV_TRY(state_->check_free(*object, desc.parent, 0));
    if (desc.parent != 0) {
        Kept* parent = state_->find(desc.parent);
        if (parent == nullptr)
            return make_error(ErrorCode::internal_error, ErrorDomain::none,
                              "{} '{}': its parent (handle {}) is not published", kind_name(desc.kind), desc.name,
                              desc.parent);
        object->parent = state_->view(*parent);
    }
    object->handle = g_last_handle.fetch_add(1, std::memory_order_relaxed) + 1;
    object->data = state_->own_data(desc, std::move(token)); // from here on it cannot fail: a refused object stays the driver's
    state_->index(*object, desc.parent);
    Kept& entry = state_->objects[object->handle];
    entry.parent = desc.parent;
    entry.ref = object;
    state_->kinds[desc.kind][object->handle] = &entry;
    if (desc.parent != 0) state_->find(desc.parent)->children.push_back(object->handle);
    return object->handle;
}

Status Registry::update(std::uint64_t handle, const pv_obj_update& update) {
    const LeafLock lock(state_->mu);
    Kept* entry = state_->find(handle);
    if (entry == nullptr)
        return make_error(ErrorCode::internal_error, ErrorDomain::none, "object {} is not published", handle);
    auto fresh = std::make_shared<ObjectRef>(*entry->ref);
    if ((update.what & PV_UPDATE_ATTRS) != 0)
        fresh->attrs = (fresh->attrs & ~update.attrs_mask) | (update.attrs & update.attrs_mask);
    if ((update.what & PV_UPDATE_STATE) != 0) {
        fresh->state = update.state;
        fresh->reason = update.reason;
    }
    if ((update.what & PV_UPDATE_ID) != 0) fresh->dom_id = update.dom_id;
    if ((update.what & PV_UPDATE_NAME) != 0) fresh->name = update.name;
    if ((update.what & PV_UPDATE_KEYS) != 0) fresh->keys = to_keys(update.keys, update.nkeys);
    if ((update.what & (PV_UPDATE_ID | PV_UPDATE_NAME | PV_UPDATE_KEYS)) != 0) {
        PV_TRY(state_->check_free(*fresh, entry->parent, handle));
        state_->unindex(*entry->ref, entry->parent);
        state_->index(*fresh, entry->parent);
    }
    entry->ref = std::move(fresh);
    return {};
}

bool Registry::retire(std::uint64_t handle) {
    std::vector<ObjectPtr> gone; // let go without the lock: a release function may run
    const LeafLock lock(state_->mu);
    state_->remove(handle, gone);
    return !gone.empty();
}

void Registry::clear() {
    std::vector<ObjectPtr> gone;
    const LeafLock lock(state_->mu);
    while (!state_->objects.empty()) state_->remove(state_->objects.begin()->first, gone);
}

ObjectPtr Registry::find(std::uint64_t handle) const {
    const LeafLock lock(state_->mu);
    Kept* entry = state_->find(handle);
    return entry != nullptr ? state_->view(*entry) : nullptr;
}

ObjectPtr Registry::find_uuid(std::uint32_t kind, const Uuid& uuid) const {
    const LeafLock lock(state_->mu);
    const auto it = state_->uuids.find({kind, uuid});
    return it != state_->uuids.end() ? state_->view(*state_->find(it->second)) : nullptr;
}

ObjectPtr Registry::find_name(std::uint32_t kind, std::uint64_t parent, std::string_view name) const {
    const LeafLock lock(state_->mu);
    if (const auto it = state_->names.find({kind, parent, std::string(name)}); it != state_->names.end())
        return state_->view(*state_->find(it->second));
    if (parent != 0 || !has_parent(kind)) return nullptr;
    // Any parent: there is no index for this.
    if (const auto all = state_->kinds.find(kind); all != state_->kinds.end())
        for (const auto& [handle, entry] : all->second)
            if (entry->ref->name == name) return state_->view(*entry);
    return nullptr;
}

ObjectPtr Registry::find_id(std::int32_t dom_id) const {
    const LeafLock lock(state_->mu);
    const auto it = state_->ids.find(dom_id);
    return it != state_->ids.end() ? state_->view(*state_->find(it->second)) : nullptr;
}

std::vector<ObjectPtr> Registry::find_key(std::uint32_t kind, std::string_view key, std::string_view value) const {
    std::vector<std::uint64_t> handles;
    std::vector<ObjectPtr> found;
    const LeafLock lock(state_->mu);
    const auto [first, last] = state_->keys.equal_range({kind, std::string(key), std::string(value)});
    for (auto it = first; it != last; ++it) handles.push_back(it->second);
    std::sort(handles.begin(), handles.end());
    for (const std::uint64_t handle : handles) found.push_back(state_->view(*state_->find(handle)));
    return found;
}

std::vector<ObjectPtr> Registry::list(const ListFilter& filter) const {
    std::vector<ObjectPtr> found;
    const LeafLock lock(state_->mu);
    for (Kept* entry : state_->select(filter)) found.push_back(state_->view(*entry));
    return found;
}

std::size_t Registry::count(const ListFilter& filter) const {
    const LeafLock lock(state_->mu);
    return state_->select(filter).size();
}

void* Pins::pin(const ObjectPtr& object) {
    if (!object) return nullptr;
    const LeafLock lock(mu_);
    Held& held = held_[object->handle];
    if (held.count++ == 0) held.object = object;
    return object->data.get();
}

bool Pins::unpin(std::uint64_t handle) {
    ObjectPtr last; // released without the lock
    const LeafLock lock(mu_);
    const auto it = held_.find(handle);
    if (it == held_.end()) return false;
    if (--it->second.count == 0) {
        last = std::move(it->second.object);
        held_.erase(it);
    }
    return true;
}

ObjArg::ObjArg(ObjectPtr object) : object_(std::move(object)) {
    const ObjectRef* from = object_.get();
    for (std::size_t i = 0; i < abi_.size() && from != nullptr; ++i, from = from->parent.get()) {
        pv_obj& to = abi_[i];
        to.size = sizeof(pv_obj);
        to.kind = from->kind;
        to.handle = from->handle;
        std::copy(from->uuid.bytes.begin(), from->uuid.bytes.end(), to.uuid);
        to.name = from->name.c_str();
        to.dom_id = from->dom_id;
        to.state = from->state;
        to.attrs = from->attrs;
        to.data = from->data.get();
        if (i > 0) abi_[i - 1].parent = &to;
    }
}

} // namespace polyvirt::plugin
