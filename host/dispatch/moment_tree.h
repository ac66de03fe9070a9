// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// MomentTree: a domain's snapshots or checkpoints as the tree that their keys "parent" make of them. One whose
// parent is not there is a root; those that are their own ancestors are in no tree and are never listed.

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "host/plugin/registry.h"

namespace polyvirt::dispatch {

// The flags that look at an object's place in the tree.
struct TreeFlags {
    // The same bit says "roots alone" where a domain is asked, "all descendants" where a moment is.
    std::uint32_t roots_or_descendants, topological, leaves, no_leaves;
    [[nodiscard]] std::uint32_t all() const { return roots_or_descendants | topological | leaves | no_leaves; }
};
// Null: not a kind with a tree.
const TreeFlags* tree_flags(std::uint32_t kind);

class MomentTree {
  public:
    // `all` in order of publication; they outlive the tree.
    explicit MomentTree(const std::vector<plugin::ObjectPtr>& all);

    // Below `from` (null: the domain itself), as the flags say. Parents come before their children where the flags
    // ask for it; otherwise in order of publication.
    [[nodiscard]] std::vector<plugin::ObjectPtr> select(const plugin::ObjectRef* from, std::uint32_t flags,
                                                        const TreeFlags& names) const;

  private:
    using Children = std::vector<std::size_t>;
    [[nodiscard]] const Children& children_of(std::string_view name) const;
    // All below `from`, parents first.
    [[nodiscard]] std::vector<std::size_t> descendants(const Children& from) const;

    const std::vector<plugin::ObjectPtr>& all_;
    Children roots_;
    std::unordered_map<std::string_view, Children> children_; // by the parent's name
};

} // namespace polyvirt::dispatch
