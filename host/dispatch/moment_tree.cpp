// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/moment_tree.h"

#include <algorithm>
#include <unordered_set>

#include "host/dispatch/list_rules.h"
#include "host/protocol/gen/constants.h"

namespace polyvirt::dispatch {

using plugin::ObjectPtr;

const TreeFlags* tree_flags(std::uint32_t kind) {
    static constexpr TreeFlags kSnapshots{protocol::VIR_DOMAIN_SNAPSHOT_LIST_ROOTS, protocol::VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL,
                                          protocol::VIR_DOMAIN_SNAPSHOT_LIST_LEAVES,
                                          protocol::VIR_DOMAIN_SNAPSHOT_LIST_NO_LEAVES};
    static constexpr TreeFlags kCheckpoints{
        protocol::VIR_DOMAIN_CHECKPOINT_LIST_ROOTS, protocol::VIR_DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL,
        protocol::VIR_DOMAIN_CHECKPOINT_LIST_LEAVES, protocol::VIR_DOMAIN_CHECKPOINT_LIST_NO_LEAVES};
    if (kind == PV_KIND_SNAPSHOT) return &kSnapshots;
    return kind == PV_KIND_CHECKPOINT ? &kCheckpoints : nullptr;
}

MomentTree::MomentTree(const std::vector<ObjectPtr>& all) : all_(all) {
    std::unordered_set<std::string_view> names;
    for (const ObjectPtr& one : all) names.insert(one->name);
    for (std::size_t i = 0; i < all.size(); ++i) {
        const std::string_view parent = key_of(*all[i], "parent");
        if (names.count(parent) != 0) children_[parent].push_back(i);
        else roots_.push_back(i);
    }
}

const MomentTree::Children& MomentTree::children_of(std::string_view name) const {
    static const Children kNone;
    const auto found = children_.find(name);
    return found != children_.end() ? found->second : kNone;
}

std::vector<std::size_t> MomentTree::descendants(const Children& from) const {
    std::vector<std::size_t> found(from);
    std::vector<bool> seen(all_.size());
    for (const std::size_t i : from) seen[i] = true;
    for (std::size_t done = 0; done < found.size(); ++done)
        for (const std::size_t child : children_of(all_[found[done]]->name))
            if (!seen[child]) {
                seen[child] = true;
                found.push_back(child);
            }
    return found;
}

std::vector<ObjectPtr> MomentTree::select(const plugin::ObjectRef* from, std::uint32_t flags, const TreeFlags& names) const {
    const Children& below = from != nullptr ? children_of(from->name) : roots_;
    const bool nearest = ((flags & names.roots_or_descendants) != 0) == (from == nullptr);
    std::vector<std::size_t> chosen = nearest ? below : descendants(below);
    if ((flags & names.topological) == 0) std::sort(chosen.begin(), chosen.end());
    const std::uint32_t both = names.leaves | names.no_leaves;
    std::vector<ObjectPtr> result;
    for (const std::size_t i : chosen) {
        const std::uint32_t is = children_of(all_[i]->name).empty() ? names.leaves : names.no_leaves;
        if ((flags & both) == 0 || (flags & is) != 0) result.push_back(all_[i]);
    }
    return result;
}

} // namespace polyvirt::dispatch
