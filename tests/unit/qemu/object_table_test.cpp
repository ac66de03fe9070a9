// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// sdk/object_table.h, with guests as objects.
#include "sdk/object_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_host.h"
#include "guest.h"

namespace polyvirt::qemu {
namespace {

class ObjectTableTest : public testing::Test {
  protected:
    using Table = sdk::ObjectTable<Guest>;
    test::FakeHost host_;
    Table table_{host_.services, PV_KIND_DOMAIN, ErrorDomain::qemu, "domain"};

    Result<Table::Added> add(const Uuid& uuid, const char* name) {
        pv_obj_desc off{};
        off.dom_id = -1;
        return table_.add(std::make_shared<Guest>(uuid, name), nullptr, off);
    }
};

TEST_F(ObjectTableTest, publishes_what_is_added) {
    const Uuid uuid = Uuid::random();
    const auto added = add(uuid, "a");
    ASSERT_TRUE(added);
    EXPECT_TRUE(added->fresh);
    ASSERT_EQ(host_.host.objects.size(), 1U);
    EXPECT_EQ(host_.host.objects.begin()->second.name, "a");
    pv_obj obj{};
    obj.data = host_.host.objects.begin()->second.data;
    EXPECT_EQ(Table::from(&obj), added->object);
    EXPECT_EQ(table_.find(uuid), added->object);
}

TEST_F(ObjectTableTest, answers_the_one_that_is_there_with_both) {
    const Uuid uuid = Uuid::random();
    const auto first = add(uuid, "a");
    const auto second = add(uuid, "a");
    ASSERT_TRUE(second);
    EXPECT_FALSE(second->fresh);
    EXPECT_EQ(second->object, first->object);
}

TEST_F(ObjectTableTest, refuses_a_name_or_uuid_of_another) {
    const Uuid uuid = Uuid::random();
    ASSERT_TRUE(add(uuid, "a"));
    const auto other_name = add(uuid, "b");
    ASSERT_FALSE(other_name);
    EXPECT_EQ(other_name.error().message, "operation failed: domain 'a' is already defined with uuid " + uuid.to_string());
    const auto other_uuid = add(Uuid::random(), "a");
    ASSERT_FALSE(other_uuid);
    EXPECT_EQ(other_uuid.error().message, "operation failed: domain 'a' already exists with uuid " + uuid.to_string());
    EXPECT_EQ(other_uuid.error().code, ErrorCode::operation_failed);
}

TEST_F(ObjectTableTest, marks_what_is_removed_for_those_who_still_have_it) {
    const auto added = add(Uuid::random(), "a");
    ASSERT_TRUE(added);
    table_.remove(*added->object);
    EXPECT_TRUE(host_.host.objects.empty());
    EXPECT_TRUE(table_.all().empty());
    const ObjectLock lock(added->object->mu);
    EXPECT_TRUE(added->object->removed);
}

TEST_F(ObjectTableTest, keeps_nothing_that_the_host_does_not_publish) {
    host_.host.refuse_publish = true;
    EXPECT_FALSE(add(Uuid::random(), "a"));
    EXPECT_TRUE(table_.all().empty());
    host_.host.refuse_publish = false;
    EXPECT_TRUE(add(Uuid::random(), "a"));
}

} // namespace
} // namespace polyvirt::qemu
