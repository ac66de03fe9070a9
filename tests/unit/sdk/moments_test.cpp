// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/moments.h"

#include <map>
#include <set>

#include <gtest/gtest.h>
#include <polyvirt/abi/registry.h>

namespace polyvirt::sdk::domain {
namespace {

// What the host would show.
struct Shown {
    std::string name, parent;
    std::uint64_t attrs = 0;
    void* data = nullptr;
    pv_release_fn release = nullptr;
};
std::map<std::uint64_t, Shown> shown; // the service's functions have no context but the host's
std::uint64_t last = 0;

std::string parent_of(const pv_key* keys, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i)
        if (std::string_view(keys[i].name) == "parent") return keys[i].value;
    return {};
}
pv_status publish(pv_host*, pv_call*, const pv_obj_desc* d, std::uint64_t* handle) noexcept {
    *handle = ++last;
    shown[last] = {d->name, parent_of(d->keys, d->nkeys), d->attrs, d->data, d->release};
    return PV_OK;
}
pv_status update(pv_host*, std::uint64_t handle, const pv_obj_update* u) noexcept {
    Shown& s = shown.at(handle);
    s.attrs = (s.attrs & ~u->attrs_mask) | (u->attrs & u->attrs_mask);
    s.parent = parent_of(u->keys, u->nkeys);
    return PV_OK;
}
pv_status retire(pv_host*, std::uint64_t handle) noexcept {
    const Shown gone = shown.at(handle);
    shown.erase(handle);
    if (gone.release != nullptr) gone.release(gone.data);
    return PV_OK;
}

class MomentsTest : public ::testing::Test {
  protected:
    MomentsTest() {
        table_.size = sizeof table_;
        table_.publish = publish;
        table_.update = update;
        table_.retire = retire;
        s_.registry = &table_;
        shown.clear();
    }
    ~MomentsTest() override { moments_.remove_tree(s_, "", false); }

    void put(const std::string& name, const std::string& parent) {
        Moment<Snapshot> item;
        item.parent = parent;
        ASSERT_TRUE(moments_.put(s_, nullptr, 7, owner_, name, std::move(item)));
    }
    [[nodiscard]] static std::map<std::string, std::string> tree() {
        std::map<std::string, std::string> all;
        for (const auto& [handle, s] : shown) all[s.name] = s.parent;
        return all;
    }
    [[nodiscard]] static std::set<std::string> current() {
        std::set<std::string> all;
        for (const auto& [handle, s] : shown)
            if ((s.attrs & PV_ATTR_SNAP_CURRENT) != 0) all.insert(s.name);
        return all;
    }

    pv_svc_registry table_{};
    plugin::Services s_;
    const std::shared_ptr<int> owner_ = std::make_shared<int>(0);
    Moments<Snapshot> moments_{PV_KIND_SNAPSHOT};
};

TEST_F(MomentsTest, are_published_as_a_tree) {
    put("a", "");
    put("b", "a");
    put("c", "b");
    EXPECT_EQ(tree(), (std::map<std::string, std::string>{{"a", ""}, {"b", "a"}, {"c", "b"}}));
    EXPECT_EQ(moments_.descendants("a"), (std::vector<std::string>{"b", "c"}));
}

TEST_F(MomentsTest, one_is_the_current_one) {
    put("a", "");
    put("b", "a");
    moments_.set_current(s_, "b");
    EXPECT_EQ(current(), std::set<std::string>{"b"});
    moments_.set_current(s_, "a");
    EXPECT_EQ(current(), std::set<std::string>{"a"});
}

TEST_F(MomentsTest, children_of_one_that_goes_are_their_grandparent_s) {
    put("a", "");
    put("b", "a");
    put("c", "b");
    moments_.set_current(s_, "b");
    moments_.remove(s_, "b");
    EXPECT_EQ(tree(), (std::map<std::string, std::string>{{"a", ""}, {"c", "a"}}));
    EXPECT_EQ(current(), std::set<std::string>{"a"});
}

TEST_F(MomentsTest, a_branch_goes_with_or_without_its_root) {
    put("a", "");
    put("b", "a");
    put("c", "b");
    put("d", "a");
    moments_.remove_tree(s_, "b", false);
    EXPECT_EQ(tree(), (std::map<std::string, std::string>{{"a", ""}, {"b", "a"}, {"d", "a"}}));
    moments_.remove_tree(s_, "a", true);
    EXPECT_TRUE(moments_.empty());
}

TEST_F(MomentsTest, one_put_again_keeps_its_handle) {
    put("a", "");
    put("b", "");
    const std::uint64_t handle = moments_.find("b")->handle;
    put("b", "a");
    EXPECT_EQ(moments_.find("b")->handle, handle);
    EXPECT_EQ(tree()["b"], "a");
}

TEST_F(MomentsTest, the_owner_is_held_as_long_as_the_host_shows_it) {
    put("a", "");
    EXPECT_EQ(owner_.use_count(), 2);
    moments_.remove(s_, "a");
    EXPECT_EQ(owner_.use_count(), 1);
}

} // namespace
} // namespace polyvirt::sdk::domain
