// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/moment_tree.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polyvirt::dispatch {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Tree : public ::testing::Test {
  protected:
    void add(const char* name, const char* parent = nullptr) {
        auto one = std::make_shared<plugin::ObjectRef>();
        one->name = name;
        if (parent != nullptr) one->keys = {{"parent", parent}};
        all.push_back(std::move(one));
    }
    std::vector<std::string> names(std::uint32_t flags, const char* from = nullptr) {
        const plugin::ObjectRef* start = nullptr;
        for (const auto& one : all)
            if (from != nullptr && one->name == from) start = one.get();
        std::vector<std::string> result;
        for (const auto& one : MomentTree(all).select(start, flags, *tree_flags(PV_KIND_SNAPSHOT))) result.push_back(one->name);
        return result;
    }

    std::vector<plugin::ObjectPtr> all;
    const TreeFlags& f = *tree_flags(PV_KIND_SNAPSHOT);
};

TEST_F(Tree, a_domain_lists_all_or_its_roots) {
    add("a");
    add("b", "a");
    add("c");
    EXPECT_THAT(names(0), ElementsAre("a", "b", "c"));
    EXPECT_THAT(names(f.roots_or_descendants), ElementsAre("a", "c"));
}

TEST_F(Tree, a_moment_lists_its_children_or_all_below) {
    add("a");
    add("b", "a");
    add("c", "b");
    EXPECT_THAT(names(0, "a"), ElementsAre("b"));
    EXPECT_THAT(names(f.roots_or_descendants, "a"), ElementsAre("b", "c"));
    EXPECT_THAT(names(0, "c"), IsEmpty());
}

TEST_F(Tree, parents_come_first_where_that_is_asked_for) {
    add("c", "b");
    add("b", "a");
    add("a");
    EXPECT_THAT(names(0), ElementsAre("c", "b", "a"));
    EXPECT_THAT(names(f.topological), ElementsAre("a", "b", "c"));
}

TEST_F(Tree, leaves_are_those_that_nothing_descends_from) {
    add("a");
    add("b", "a");
    EXPECT_THAT(names(f.leaves), ElementsAre("b"));
    EXPECT_THAT(names(f.no_leaves), ElementsAre("a"));
    EXPECT_THAT(names(f.leaves | f.no_leaves), ElementsAre("a", "b"));
}

TEST_F(Tree, one_whose_parent_is_gone_is_a_root) {
    add("b", "gone");
    EXPECT_THAT(names(f.roots_or_descendants), ElementsAre("b"));
}

TEST_F(Tree, circles_end) {
    add("a", "b");
    add("b", "a");
    add("c", "c");
    EXPECT_THAT(names(0), IsEmpty());
    EXPECT_THAT(names(f.roots_or_descendants, "a"), ElementsAre("a", "b"));
    EXPECT_THAT(names(f.roots_or_descendants, "c"), ElementsAre("c"));
}

} // namespace
} // namespace polyvirt::dispatch
