// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What objects that are not domains share: a document with what is declared to go wrong, events, attributes in the
// registry, and a table for the kinds that have a name and no uuid. Any thread.

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/abi/gen/events.h>
#include <polyvirt/call.h>

#include "base/error_text.h"
#include "driver.h"
#include "fault_document.h"
#include "faults.h"
#include "sdk/object_table.h"
#include "sdk/xml/messages.h"
#include "sdk/xml/reader.h"

namespace polyvirt::test {

// A document as it came.
template <typename T> struct DescribedObject {
    std::shared_ptr<const T> value;
    FaultSet faults;
    std::shared_ptr<const sdk::xml::Node> faults_text;
    sdk::xml::Messages messages{}; // what reading it found odd
};

// For the VALIDATE flags: what was read, or why it is no document of that kind (xml_invalid_schema).
template <typename T> Result<T> validated(Result<T> described, bool wanted) {
    if (described && wanted) PV_TRY(sdk::xml::refuse_unknown(described->messages));
    return described;
}

// `parse` makes a T of the root.
template <typename T, typename Parse>
Result<DescribedObject<T>> describe_object(const sdk::xml::Node& root, Parse&& parse) {
    DescribedObject<T> out;
    PV_ASSIGN_OR_RETURN(auto parsed, parse(root));
    out.value = std::make_shared<const T>(std::move(parsed.value));
    out.messages = std::move(parsed.messages);
    PV_ASSIGN_OR_RETURN(out.faults, read_faults(root));
    if (const sdk::xml::Node* faults = find_faults(root)) out.faults_text = std::make_shared<const sdk::xml::Node>(*faults);
    return out;
}

// A printed document with the declaration of faults put back at its end, word for word.
std::string with_faults(std::string text, const std::shared_ptr<const sdk::xml::Node>& faults);

// Ends a call with a document, or says that it is too long.
pv_status write_document(const plugin::Services& s, pv_call* call, pv_sink* sink, const std::string& text);

// Leaf: under the object's lock.
void set_attributes(const plugin::Services& s, std::uint64_t handle, std::uint64_t attrs, std::uint64_t mask);
// An event of an object with a uuid (all zero: without). Leaf, after the registry shows the change.
void post_event(const Driver& driver, std::uint32_t kind, const sdk::Object& object, std::uint64_t handle, std::int32_t id,
                const void* payload);
template <typename Payload>
void post_lifecycle(const Driver& driver, std::uint32_t kind, const sdk::Object& object, std::uint64_t handle, std::int32_t event) {
    Payload payload{};
    payload.size = sizeof payload;
    payload.event = event;
    post_event(driver, kind, object, handle, 0, &payload); // a kind's first event is its life
}

constexpr std::uint64_t attribute_if(bool condition, std::uint64_t attribute) { return condition ? attribute : 0; }

// sdk::ObjectTable for kinds whose objects are told apart by name alone.
template <typename T> class NameTable {
  public:
    using Ptr = std::shared_ptr<T>;

    NameTable(const plugin::Services& s, std::uint32_t kind) : s_(s), kind_(kind) {}

    static Ptr from(const pv_obj* obj) { return *static_cast<Ptr*>(obj->data); }
    [[nodiscard]] Ptr find(const std::string& name) const {
        const DriverLock lock(mu_);
        const auto it = by_name_.find(name);
        return it == by_name_.end() ? nullptr : it->second;
    }
    [[nodiscard]] std::vector<Ptr> all() const {
        const DriverLock lock(mu_);
        std::vector<Ptr> list;
        for (const auto& [name, object] : by_name_) list.push_back(object);
        return list;
    }
    struct Added {
        Ptr object;
        bool fresh;
    };
    // Adds and publishes it, or returns the one that has the name.
    Result<Added> add(const Ptr& object, pv_call* call, pv_obj_desc desc) {
        const DriverLock lock(mu_);
        if (const auto it = by_name_.find(object->name); it != by_name_.end()) return Added{it->second, false};
        auto data = std::make_unique<Ptr>(object);
        desc.size = sizeof desc;
        desc.kind = kind_;
        desc.name = object->name.c_str();
        desc.data = data.get();
        desc.release = [](void* d) noexcept { delete static_cast<Ptr*>(d); };
        const ObjectLock object_lock(object->mu);
        if (s_.registry->publish(s_.host, call, &desc, &object->handle) != PV_OK)
            return make_error(ErrorCode::operation_failed, ErrorDomain::test, "'{}' cannot be published", object->name);
        (void)data.release();
        by_name_.emplace(object->name, object);
        return Added{object, true};
    }
    // False: somebody else has done so.
    bool remove(T& object) {
        const DriverLock lock(mu_);
        const ObjectLock object_lock(object.mu);
        if (object.removed) return false;
        object.removed = true;
        s_.registry->retire(s_.host, object.handle);
        by_name_.erase(object.name);
        return true;
    }

  private:
    const plugin::Services& s_;
    const std::uint32_t kind_;
    mutable Mutex mu_{Rank::driver};
    std::map<std::string, Ptr> by_name_ PV_GUARDED_BY(mu_);
};

} // namespace polyvirt::test
