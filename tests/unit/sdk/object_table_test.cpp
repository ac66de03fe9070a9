// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/object_table.h"

#include "tests/unit/sdk/services_fixture.h"

namespace polyvirt::sdk {
namespace {

using ::testing::HasSubstr;

struct Thing : Object {
    using Object::Object;
};

class Things : public ServicesTest {
  protected:
    using Table = ObjectTable<Thing>;
    void SetUp() override {
        ServicesTest::SetUp();
        table = std::make_unique<Table>(services, PV_KIND_DOMAIN, ErrorDomain::none, "thing");
    }
    static Uuid uuid(std::uint8_t n) {
        Uuid made;
        made.bytes[0] = n;
        return made;
    }
    Result<Table::Added> add(std::uint8_t n, const std::string& name) {
        pv_obj_desc desc{};
        desc.dom_id = -1;
        return table->add(std::make_shared<Thing>(uuid(n), name), nullptr, desc);
    }
    std::unique_ptr<Table> table;
};

TEST_F(Things, what_is_added_is_published_and_found) {
    const auto added = add(1, "one");
    ASSERT_TRUE(added) << added.error().message;
    EXPECT_TRUE(added->fresh);
    const auto object = instance->registry().find_name(PV_KIND_DOMAIN, 0, "one");
    ASSERT_NE(object, nullptr);
    const plugin::ObjArg arg(object);
    EXPECT_EQ(Table::from(arg.get()), added->object);
    EXPECT_EQ(table->find(uuid(1)), added->object);
    EXPECT_EQ(table->all().size(), 1u);
    EXPECT_EQ(table->find(uuid(2)), nullptr);
}

TEST_F(Things, the_same_name_and_uuid_is_the_same_object) {
    const auto first = add(1, "one");
    const auto again = add(1, "one");
    ASSERT_TRUE(first);
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->fresh);
    EXPECT_EQ(again->object, first->object);
}

TEST_F(Things, a_name_or_uuid_of_another_is_refused_by_name) {
    ASSERT_TRUE(add(1, "one"));
    const auto taken_uuid = add(1, "two");
    ASSERT_FALSE(taken_uuid);
    EXPECT_THAT(taken_uuid.error().message, HasSubstr("thing 'one' is already defined with uuid"));
    const auto taken_name = add(2, "one");
    ASSERT_FALSE(taken_name);
    EXPECT_THAT(taken_name.error().message, HasSubstr("thing 'one' already exists with uuid"));
    EXPECT_FALSE(table->match(uuid(2), "one"));
    EXPECT_EQ(*table->match(uuid(3), "three"), nullptr);
}

TEST_F(Things, what_is_removed_is_gone_and_knows_it) {
    const auto added = add(1, "one");
    ASSERT_TRUE(added);
    const auto object = added->object;
    table->remove(*object);
    table->remove(*object); // once is enough, twice does no harm
    EXPECT_EQ(instance->registry().find_name(PV_KIND_DOMAIN, 0, "one"), nullptr);
    EXPECT_EQ(table->find(uuid(1)), nullptr);
    {
        const ObjectLock lock(object->mu);
        EXPECT_TRUE(object->removed);
    }
    EXPECT_TRUE(add(2, "one")) << "its name is free again";
}

TEST_F(Things, what_the_registry_refuses_is_not_added) {
    pv_obj_desc other{};
    other.size = sizeof other;
    other.kind = PV_KIND_DOMAIN;
    other.name = "one";
    other.uuid[0] = 9;
    other.dom_id = -1;
    ASSERT_TRUE(instance->registry().publish(other));
    const auto refused = add(1, "one");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("thing 'one' cannot be published"));
    EXPECT_EQ(table->all().size(), 0u);
}

} // namespace
} // namespace polyvirt::sdk
