// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Moments: the snapshots, or the checkpoints, of one domain: a tree of documents by name, one of them the current one,
// each published as a child of the domain. Lives under the domain's lock (docs/locking.md: children live under their
// parent's). Every method that publishes or retires is a leaf.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <polyvirt/abi/base.h>
#include <polyvirt/services.h>

#include "base/result.h"
#include "sdk/domain/moment_rules.h"

namespace polyvirt::sdk::domain {

template <typename Document> struct Moment {
    Document document;
    std::string parent; // empty: a root
    std::uint64_t attrs = 0;
    std::uint64_t handle = 0;
};

template <typename Document> class Moments {
  public:
    using Item = Moment<Document>;

    explicit Moments(std::uint32_t kind) : kind_(kind) {}

    [[nodiscard]] bool empty() const { return items_.empty(); }
    [[nodiscard]] const std::string& current() const { return current_; }
    [[nodiscard]] Item* find(const std::string& name) {
        const auto found = items_.find(name);
        return found == items_.end() ? nullptr : &found->second;
    }
    // Makes it visible, or replaces the one of that name. `owner` is what calls on it are handed, the domain; `call` may
    // be null.
    template <typename Owner>
    Status put(const plugin::Services& s, pv_call* call, std::uint64_t domain, std::shared_ptr<Owner> owner, const std::string& name, Item item) {
        if (Item* const there = find(name)) {
            item.handle = there->handle;
            *there = std::move(item);
            show(s, name, *there);
            return {};
        }
        pv_obj_desc desc{};
        desc.size = sizeof desc;
        desc.kind = kind_;
        desc.name = name.c_str();
        desc.dom_id = -1;
        desc.attrs = item.attrs;
        desc.parent = domain;
        const pv_key key{"parent", item.parent.c_str()};
        desc.nkeys = item.parent.empty() ? 0 : 1;
        desc.keys = &key;
        auto data = std::make_unique<std::shared_ptr<Owner>>(std::move(owner));
        desc.data = data.get();
        desc.release = [](void* d) noexcept { delete static_cast<std::shared_ptr<Owner>*>(d); };
        if (s.registry->publish(s.host, call, &desc, &item.handle) != PV_OK)
            return Error{.code = ErrorCode::operation_failed, .domain = ErrorDomain::none, .message = "'" + name + "' cannot be published"};
        (void)data.release();
        items_.emplace(name, std::move(item));
        return {};
    }
    void set_current(const plugin::Services& s, const std::string& name) {
        const std::string before = std::exchange(current_, name);
        for (const std::string& changed : {before, name})
            if (Item* const item = find(changed)) show(s, changed, *item);
    }
    // The children of `name`, theirs, and so on: parents first.
    [[nodiscard]] std::vector<std::string> descendants(const std::string& name) const {
        std::vector<std::string> found;
        for (std::size_t next = 0; next <= found.size(); ++next) {
            const std::string parent = next == 0 ? name : found[next - 1]; // a copy: `found` grows
            for (const auto& [child, item] : items_)
                if (item.parent == parent && child != name) found.push_back(child);
        }
        return found;
    }
    // Its children become its parent's.
    void remove(const plugin::Services& s, const std::string& name) {
        const auto found = items_.find(name);
        if (found == items_.end()) return;
        const std::string parent = found->second.parent;
        for (auto& [child, item] : items_) {
            if (item.parent != name) continue;
            item.parent = parent;
            show(s, child, item);
        }
        s.registry->retire(s.host, found->second.handle);
        items_.erase(found);
        if (current_ == name) set_current(s, parent);
    }
    // With what lies below it, or only that.
    void remove_tree(const plugin::Services& s, const std::string& name, bool itself) {
        const auto below = descendants(name);
        for (auto child = below.rbegin(); child != below.rend(); ++child) remove(s, *child);
        if (itself) remove(s, name);
    }
    // With their domain, whose retirement has taken them out of the registry.
    void clear() {
        items_.clear();
        current_.clear();
    }
    template <typename Use> void each(Use&& use) const {
        for (const auto& [name, item] : items_) use(name, item);
    }

  private:
    void show(const plugin::Services& s, const std::string& name, const Item& item) const {
        pv_obj_update u{};
        u.size = sizeof u;
        u.what = PV_UPDATE_ATTRS | PV_UPDATE_KEYS;
        u.attrs_mask = ~std::uint64_t{0};
        u.attrs = item.attrs | (name == current_ ? PV_ATTR_SNAP_CURRENT : 0);
        const pv_key key{"parent", item.parent.c_str()};
        u.nkeys = item.parent.empty() ? 0 : 1;
        u.keys = &key;
        s.registry->update(s.host, item.handle, &u);
    }

    const std::uint32_t kind_;
    std::map<std::string, Item> items_;
    std::string current_;
};

// Whether `parent` may be that of the moment `name`.
template <typename Document> Status check_parent(Moments<Document>& moments, const std::string& name, const std::string& parent) {
    if (parent.empty()) return {};
    if (parent == name) return own_parent(name);
    const auto* above = moments.find(parent);
    if (above == nullptr) return no_parent(name, parent);
    for (; above != nullptr && !above->parent.empty(); above = moments.find(above->parent))
        if (above->parent == name) return cycle(name, parent);
    return {};
}

// What the registry shows of a snapshot.
inline std::uint64_t snapshot_attrs(const Snapshot& snapshot) {
    const bool memory = snapshot.memory && snapshot.memory->snapshot != "no";
    std::uint64_t attrs = PV_ATTR_SNAP_METADATA;
    if (snapshot.state == "disk-snapshot") attrs |= PV_ATTR_SNAP_DISK_ONLY;
    else if (memory || snapshot.state == "running" || snapshot.state == "paused") attrs |= PV_ATTR_SNAP_RUNNING;
    if (is_external(snapshot)) attrs |= PV_ATTR_SNAP_EXTERNAL;
    return attrs;
}

} // namespace polyvirt::sdk::domain
