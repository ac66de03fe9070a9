// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// ObjectTable: a driver's set of objects of one kind, kept in step with the host's registry. Its lock is
// the driver lock (Rank::driver) and covers finding, adding and removing alone; each object has its own
// lock. What is found is returned unlocked: lock it, and look at `removed` before believing it.
//
//     struct Guest : sdk::Object { ... };
//     sdk::ObjectTable<Guest> guests(services, PV_KIND_DOMAIN, ErrorDomain::qemu, "domain");
//     std::shared_ptr<Guest> guest = sdk::ObjectTable<Guest>::from(obj);
//     ObjectLock lock(guest->mu);
//     if (guest->removed) return ...;

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <polyvirt/call.h>

#include "base/error_text.h"
#include "base/sync.h"
#include "base/uuid.h"

namespace polyvirt::sdk {

struct Object {
    Object(Uuid object_uuid, std::string object_name) : uuid(object_uuid), name(std::move(object_name)) {}
    virtual ~Object() = default;
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;

    const Uuid uuid;
    const std::string name;
    Mutex mu{Rank::object};
    bool removed PV_GUARDED_BY(mu) = false;
    std::uint64_t handle PV_GUARDED_BY(mu) = 0; // the registry's
};

template <typename T> class ObjectTable {
  public:
    using Ptr = std::shared_ptr<T>;

    ObjectTable(const plugin::Services& s, std::uint32_t kind, ErrorDomain domain, const char* noun)
        : s_(s), kind_(kind), domain_(domain), noun_(noun) {}

    // The object of an op, kept alive by the caller from here on.
    static Ptr from(const pv_obj* obj) { return *static_cast<Ptr*>(obj->data); }

    [[nodiscard]] Ptr find(const Uuid& uuid) const {
        const DriverLock lock(mu_);
        const auto it = by_uuid_.find(uuid);
        return it == by_uuid_.end() ? nullptr : it->second;
    }
    [[nodiscard]] std::vector<Ptr> all() const {
        const DriverLock lock(mu_);
        std::vector<Ptr> list;
        list.reserve(by_uuid_.size());
        for (const auto& [uuid, object] : by_uuid_) list.push_back(object);
        return list;
    }

    // The object that has both this one's uuid and its name, or null if neither is taken. Error: one of the
    // two belongs to another object.
    [[nodiscard]] Result<Ptr> match(const Uuid& uuid, const std::string& name) const {
        const DriverLock lock(mu_);
        return match_held(uuid, name);
    }

    struct Added {
        Ptr object;
        bool fresh;
    };
    // Adds `object` and publishes it as `desc` (its name, uuid, kind, data and release are filled in here), or
    // returns the one that is there already with its name and uuid.
    Result<Added> add(const Ptr& object, pv_call* call, pv_obj_desc desc) {
        const DriverLock lock(mu_);
        auto existing = match_held(object->uuid, object->name);
        if (!existing) return std::move(existing).error();
        if (*existing) return Added{*existing, false};
        // Under the object's lock, so that whoever comes in through the registry finds the handle set.
        const ObjectLock object_lock(object->mu);
        PV_TRY(publish_held(object, call, desc));
        return Added{object, true};
    }

    // Adds `fresh`, or takes the object that has its name and uuid, in one step with a look at the others: what is unique
    // besides name and uuid stays so, whoever defines at the same time. `check(existing, others)` may refuse; `existing` is
    // null for a new one, and it may lock one object at a time. `commit(object, is_new)` runs under the object's lock.
    using Check = std::function<Status(const Ptr& existing, const std::vector<Ptr>& others)>;
    using Commit = std::function<void(T& object, bool is_new)>;
    Result<Ptr> define(const Ptr& fresh, pv_call* call, const pv_obj_desc& desc, const Check& check, const Commit& commit) {
        const DriverLock lock(mu_);
        PV_ASSIGN_OR_RETURN(const Ptr existing, match_held(fresh->uuid, fresh->name));
        PV_TRY(check(existing, others_held(existing.get())));
        const Ptr object = existing ? existing : fresh;
        const ObjectLock object_lock(object->mu);
        if (!existing) PV_TRY(publish_held(object, call, desc));
        commit(*object, !existing);
        return object;
    }

    // Takes it out of table and registry in one step with a look whether it may go: `check(others)` may lock one object at a
    // time; `allow(object)` runs under the object's own lock and sees `removed`.
    Status remove(T& object, const std::function<Status(const std::vector<Ptr>&)>& check, const std::function<Status(T&)>& allow) {
        const DriverLock lock(mu_);
        PV_TRY(check(others_held(&object)));
        const ObjectLock object_lock(object.mu);
        PV_TRY(allow(object));
        remove_held(object);
        return {};
    }

    // Takes it out of table and registry. Whoever still has it finds `removed` set. False: somebody else has done so.
    bool remove(T& object) {
        const DriverLock lock(mu_);
        const ObjectLock object_lock(object.mu);
        if (object.removed) return false;
        remove_held(object);
        return true;
    }

  private:
    Status publish_held(const Ptr& object, pv_call* call, pv_obj_desc desc) PV_REQUIRES(mu_, object->mu) {
        auto data = std::make_unique<Ptr>(object);
        desc.size = sizeof desc;
        desc.kind = kind_;
        desc.name = object->name.c_str();
        std::copy(object->uuid.bytes.begin(), object->uuid.bytes.end(), desc.uuid);
        desc.data = data.get();
        desc.release = [](void* d) noexcept { delete static_cast<Ptr*>(d); };
        // Room first: what is visible is in the table.
        const auto by_uuid = by_uuid_.emplace(object->uuid, object).first;
        try {
            by_name_.emplace(object->name, object);
        } catch (...) {
            by_uuid_.erase(by_uuid);
            throw;
        }
        if (s_.registry->publish(s_.host, call, &desc, &object->handle) == PV_OK) {
            (void)data.release();
            return {};
        }
        by_name_.erase(object->name);
        by_uuid_.erase(object->uuid);
        return Error{.code = ErrorCode::operation_failed, .domain = domain_,
                     .message = fmt::format("{} '{}' cannot be published", noun_, object->name)};
    }
    void remove_held(T& object) PV_REQUIRES(mu_, object.mu) {
        object.removed = true;
        s_.registry->retire(s_.host, object.handle);
        by_name_.erase(object.name);
        by_uuid_.erase(object.uuid); // perhaps the last owner but the caller's
    }
    std::vector<Ptr> others_held(const T* object) const PV_REQUIRES(mu_) {
        std::vector<Ptr> list;
        for (const auto& [uuid, other] : by_uuid_)
            if (other.get() != object) list.push_back(other);
        return list;
    }
    Result<Ptr> match_held(const Uuid& uuid, const std::string& name) const PV_REQUIRES(mu_) {
        if (const auto it = by_uuid_.find(uuid); it != by_uuid_.end()) {
            if (it->second->name == name) return it->second;
            return make_error(ErrorCode::operation_failed, domain_, "{} '{}' is already defined with uuid {}", noun_,
                              it->second->name, uuid.to_string());
        }
        if (const auto it = by_name_.find(name); it != by_name_.end())
            return make_error(ErrorCode::operation_failed, domain_, "{} '{}' already exists with uuid {}", noun_, name,
                              it->second->uuid.to_string());
        return Ptr{};
    }

    const plugin::Services& s_;
    const std::uint32_t kind_;
    const ErrorDomain domain_;
    const char* const noun_;
    mutable Mutex mu_{Rank::driver};
    std::unordered_map<Uuid, Ptr, UuidHash> by_uuid_ PV_GUARDED_BY(mu_);
    std::unordered_map<std::string, Ptr> by_name_ PV_GUARDED_BY(mu_);
};

} // namespace polyvirt::sdk
