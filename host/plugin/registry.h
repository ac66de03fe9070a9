// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Registry: the one index of an instance's objects, filled by its driver (host.registry/1), read by
// dispatch for every look-up, list, count and is-active. Any thread; leaf: never runs driver code but an
// object's release function, and that without any lock.
//
// A Pin keeps an object's data alive; retire() hides it at once and releases the data with the last pin.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <polyvirt/abi/registry.h>

#include "base/result.h"
#include "base/sync.h"
#include "base/uuid.h"
#include "host/plugin/census.h"

namespace polyvirt::plugin {

// One object at one moment, with its data pinned. Copies share the pin.
struct ObjectRef {
    std::uint64_t handle = 0;
    std::uint32_t kind = PV_KIND_NONE;
    std::string name;
    Uuid uuid;
    std::int32_t dom_id = -1, state = 0, reason = 0;
    std::uint64_t attrs = 0;
    std::vector<std::pair<std::string, std::string>> keys;
    std::shared_ptr<const ObjectRef> parent;
    std::shared_ptr<void> data; // the pin; get() is what the driver published
};
using ObjectPtr = std::shared_ptr<const ObjectRef>;

// The pv_obj that an op sees for an object and its parents. Stays put and holds the pin: keep it in the call.
class ObjArg {
  public:
    explicit ObjArg(ObjectPtr object);
    ObjArg(const ObjArg&) = delete;
    ObjArg& operator=(const ObjArg&) = delete;
    [[nodiscard]] const pv_obj* get() const { return object_ ? &abi_[0] : nullptr; }
    [[nodiscard]] const ObjectPtr& object() const { return object_; }

  private:
    ObjectPtr object_;
    std::array<pv_obj, 3> abi_{}; // the object, its parent, its parent's parent
};

// Which objects a list wants.
struct ListFilter {
    std::uint32_t kind = PV_KIND_NONE;
    std::uint64_t parent = 0; // 0: any
    std::uint64_t all_set = 0, all_clear = 0;
    std::uint64_t states = ~0ULL; // bit per state number (< 64)
};

class Registry {
  public:
    // Runs an object's release function somewhere where driver code may run; the default runs it where the
    // last pin goes.
    using RunRelease = std::function<void(std::function<void()>)>;

    // `census` (may be null) counts each object's data until its release has run.
    explicit Registry(RunRelease run_release = nullptr, Census* census = nullptr);
    ~Registry();

    [[nodiscard]] Result<std::uint64_t> publish(const pv_obj_desc& desc);
    // What publish() would make visible: without handle and data.
    [[nodiscard]] std::shared_ptr<ObjectRef> described(const pv_obj_desc& desc) const;
    // Errors: no such object (code internal_error), or the new name or id is taken.
    [[nodiscard]] Status update(std::uint64_t handle, const pv_obj_update& update);
    // False: there is none. Its children (objects published with it as parent) go with it.
    bool retire(std::uint64_t handle);
    // Retires everything (the instance ends).
    void clear();

    [[nodiscard]] ObjectPtr find(std::uint64_t handle) const;
    [[nodiscard]] ObjectPtr find_uuid(std::uint32_t kind, const Uuid& uuid) const;
    [[nodiscard]] ObjectPtr find_name(std::uint32_t kind, std::uint64_t parent,
                                      std::string_view name) const;
    [[nodiscard]] ObjectPtr find_id(std::int32_t dom_id) const;
    [[nodiscard]] std::vector<ObjectPtr> find_key(std::uint32_t kind, std::string_view key,
                                                  std::string_view value) const;
    // In order of publication.
    [[nodiscard]] std::vector<ObjectPtr> list(const ListFilter& filter) const;
    [[nodiscard]] std::size_t count(const ListFilter& filter) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// The pins that a driver holds by handle (host.registry/1 pin, unpin). Any thread; leaf.
class Pins {
  public:
    // The object's data; null if there is no object.
    void* pin(const ObjectPtr& object);
    // False: it is not pinned.
    bool unpin(std::uint64_t handle);

  private:
    struct Held {
        ObjectPtr object;
        std::size_t count = 0;
    };
    Mutex mu_{Rank::leaf};
    std::unordered_map<std::uint64_t, Held> held_ PV_GUARDED_BY(mu_);
};

} // namespace polyvirt::plugin
