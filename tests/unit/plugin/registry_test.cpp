// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/registry.h"

#include <atomic>
#include <cstring>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polyvirt::plugin {
namespace {

std::atomic<int> g_released{0};
void count_release(void*) noexcept { ++g_released; }

class RegistryTest : public ::testing::Test {
  protected:
    void SetUp() override { g_released = 0; }
    static pv_obj_desc desc(const char* name, std::uint8_t uuid, std::uint32_t kind = PV_KIND_DOMAIN) {
        pv_obj_desc d{};
        d.size = sizeof(d);
        d.kind = kind;
        d.name = name;
        d.uuid[15] = uuid;
        d.dom_id = -1;
        d.release = count_release;
        return d;
    }
    std::uint64_t publish(const pv_obj_desc& d) {
        const auto handle = registry.publish(d);
        EXPECT_TRUE(handle) << handle.error().message;
        return handle.value_or(0);
    }
    static Uuid uuid(std::uint8_t last) {
        Uuid u;
        u.bytes[15] = last;
        return u;
    }
    Registry registry;
};

TEST_F(RegistryTest, finds_by_every_key) {
    pv_obj_desc d = desc("vm1", 1);
    d.dom_id = 7;
    const pv_key keys[] = {{"path", "/x.img"}};
    d.keys = keys;
    d.nkeys = 1;
    const std::uint64_t handle = publish(d);
    EXPECT_EQ(registry.find(handle)->name, "vm1");
    EXPECT_EQ(registry.find_name(PV_KIND_DOMAIN, 0, "vm1")->handle, handle);
    EXPECT_EQ(registry.find_uuid(PV_KIND_DOMAIN, uuid(1))->handle, handle);
    EXPECT_EQ(registry.find_id(7)->handle, handle);
    ASSERT_EQ(registry.find_key(PV_KIND_DOMAIN, "path", "/x.img").size(), 1U);
    EXPECT_EQ(registry.find_uuid(PV_KIND_NETWORK, uuid(1)), nullptr);
}

TEST_F(RegistryTest, refuses_what_is_taken_and_names_who_has_it) {
    pv_obj_desc d = desc("vm1", 1);
    d.dom_id = 7;
    publish(d);
    const auto by_name = registry.publish(desc("vm1", 2));
    ASSERT_FALSE(by_name);
    EXPECT_EQ(by_name.error().message,
              "operation failed: domain 'vm1' already exists with uuid 00000000-0000-0000-0000-000000000001");
    const auto by_uuid = registry.publish(desc("vm2", 1));
    ASSERT_FALSE(by_uuid);
    EXPECT_EQ(by_uuid.error().message,
              "operation failed: domain 'vm1' is already defined with uuid 00000000-0000-0000-0000-000000000001");
    d = desc("vm3", 3);
    d.dom_id = 7;
    EXPECT_FALSE(registry.publish(d));
    EXPECT_EQ(g_released, 0); // a refused object stays the driver's
}

TEST_F(RegistryTest, update_is_seen_whole) {
    const std::uint64_t handle = publish(desc("vm1", 1));
    pv_obj_update u{};
    u.size = sizeof(u);
    u.what = PV_UPDATE_ATTRS | PV_UPDATE_STATE | PV_UPDATE_ID | PV_UPDATE_NAME;
    u.attrs = PV_ATTR_ACTIVE;
    u.attrs_mask = PV_ATTR_ACTIVE | PV_ATTR_PERSISTENT;
    u.state = 1;
    u.reason = 2;
    u.dom_id = 9;
    u.name = "renamed";
    ASSERT_TRUE(registry.update(handle, u));
    const ObjectPtr o = registry.find_name(PV_KIND_DOMAIN, 0, "renamed");
    ASSERT_NE(o, nullptr);
    EXPECT_EQ(o->attrs, PV_ATTR_ACTIVE);
    EXPECT_EQ(o->reason, 2);
    EXPECT_EQ(registry.find_id(9)->handle, handle);
    EXPECT_EQ(registry.find_name(PV_KIND_DOMAIN, 0, "vm1"), nullptr);
}

TEST_F(RegistryTest, keys_are_found_as_they_are_now) {
    const pv_key before[] = {{"mac", "a"}, {"mac", "b"}}, after[] = {{"mac", "c"}};
    pv_obj_desc d = desc("eth0", 0);
    d.kind = PV_KIND_INTERFACE;
    d.keys = before;
    d.nkeys = 2;
    const std::uint64_t handle = publish(d);
    pv_obj_update u{};
    u.size = sizeof(u);
    u.what = PV_UPDATE_KEYS;
    u.keys = after;
    u.nkeys = 1;
    ASSERT_TRUE(registry.update(handle, u));
    EXPECT_TRUE(registry.find_key(PV_KIND_INTERFACE, "mac", "a").empty());
    ASSERT_EQ(registry.find_key(PV_KIND_INTERFACE, "mac", "c").size(), 1u);
    EXPECT_EQ(registry.find(handle)->keys.size(), 1u);
}

TEST_F(RegistryTest, a_rename_onto_another_changes_nothing) {
    publish(desc("vm1", 1));
    const std::uint64_t second = publish(desc("vm2", 2));
    pv_obj_update u{};
    u.size = sizeof(u);
    u.what = PV_UPDATE_NAME;
    u.name = "vm1";
    EXPECT_FALSE(registry.update(second, u));
    EXPECT_EQ(registry.find_name(PV_KIND_DOMAIN, 0, "vm2")->handle, second);
}

TEST_F(RegistryTest, data_is_released_once_with_the_last_pin) {
    const std::uint64_t handle = publish(desc("vm1", 1));
    ObjectPtr pinned = registry.find(handle);
    EXPECT_TRUE(registry.retire(handle));
    EXPECT_EQ(registry.find(handle), nullptr);
    EXPECT_FALSE(registry.retire(handle));
    EXPECT_EQ(g_released, 0);
    pinned.reset();
    EXPECT_EQ(g_released, 1);
}

TEST_F(RegistryTest, the_name_is_free_again_while_the_old_object_is_pinned) {
    const std::uint64_t first = publish(desc("vm1", 1));
    const ObjectPtr pinned = registry.find(first);
    registry.retire(first);
    EXPECT_NE(publish(desc("vm1", 1)), first);
}

TEST_F(RegistryTest, children_follow_their_parent) {
    const std::uint64_t pool = publish(desc("pool", 1, PV_KIND_POOL));
    pv_obj_desc d = desc("vol", 0, PV_KIND_VOLUME);
    d.parent = pool;
    const std::uint64_t vol = publish(d);
    EXPECT_EQ(registry.find_name(PV_KIND_VOLUME, pool, "vol")->parent->name, "pool");
    EXPECT_EQ(registry.find_name(PV_KIND_VOLUME, 0, "vol")->handle, vol);
    pv_obj_update u{};
    u.size = sizeof(u);
    u.what = PV_UPDATE_STATE;
    u.state = 5;
    ASSERT_TRUE(registry.update(pool, u));
    EXPECT_EQ(registry.find(vol)->parent->state, 5); // the parent as it is now
    const ObjArg arg(registry.find(vol));
    EXPECT_EQ(arg.get()->parent->handle, pool);
    EXPECT_EQ(arg.get()->parent->parent, nullptr);
    registry.retire(pool);
    EXPECT_EQ(registry.find(vol), nullptr);
}

TEST_F(RegistryTest, lists_in_order_and_by_filter) {
    for (std::uint8_t i = 1; i <= 5; ++i) {
        const std::string name = "vm" + std::to_string(i);
        pv_obj_desc d = desc(name.c_str(), i);
        d.attrs = i % 2 != 0 ? PV_ATTR_ACTIVE : 0;
        d.state = i;
        publish(d);
    }
    std::vector<std::string> names;
    for (const ObjectPtr& o : registry.list({.kind = PV_KIND_DOMAIN, .all_set = PV_ATTR_ACTIVE})) names.push_back(o->name);
    EXPECT_THAT(names, ::testing::ElementsAre("vm1", "vm3", "vm5"));
    EXPECT_EQ(registry.count({.kind = PV_KIND_DOMAIN, .all_clear = PV_ATTR_ACTIVE}), 2U);
    EXPECT_EQ(registry.count({.kind = PV_KIND_DOMAIN, .states = 1U << 2 | 1U << 3}), 2U);
    EXPECT_EQ(registry.count({.kind = PV_KIND_POOL}), 0U);
}

TEST_F(RegistryTest, readers_and_writers_do_not_disturb_each_other) {
    std::atomic<bool> stop{false};
    std::thread reader([&] {
        while (!stop)
            for (const ObjectPtr& o : registry.list({.kind = PV_KIND_DOMAIN})) EXPECT_FALSE(o->name.empty());
    });
    for (int round = 0; round < 300; ++round) {
        const std::uint64_t handle = publish(desc("vm1", 1));
        pv_obj_update u{};
        u.size = sizeof(u);
        u.what = PV_UPDATE_NAME;
        u.name = "vm2";
        ASSERT_TRUE(registry.update(handle, u));
        registry.retire(handle);
    }
    stop = true;
    reader.join();
    EXPECT_EQ(g_released, 300);
}

} // namespace
} // namespace polyvirt::plugin
