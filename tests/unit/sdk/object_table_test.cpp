// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/object_table.h"

#include <atomic>
#include <thread>

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

class DefinedThings : public Things {
  protected:
    using Others = std::vector<std::shared_ptr<Thing>>;
    static Table::Ptr made(std::uint8_t n, const std::string& name) { return std::make_shared<Thing>(uuid(n), name); }
    static pv_obj_desc description() {
        pv_obj_desc desc{};
        desc.dom_id = -1;
        return desc;
    }
};

TEST_F(DefinedThings, a_check_sees_the_others_and_may_refuse) {
    const auto yes = [](const Table::Ptr&, const Others&) { return Status(); };
    const auto nothing = [](Thing&, bool) {};
    ASSERT_TRUE(table->define(made(1, "one"), nullptr, description(), yes, nothing));
    const auto refused = table->define(
        made(2, "two"), nullptr, description(),
        [](const Table::Ptr& existing, const Others& others) -> Status {
            EXPECT_EQ(existing, nullptr);
            EXPECT_EQ(others.size(), 1u);
            return Error{.message = "no"};
        },
        nothing);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "no");
    EXPECT_EQ(instance->registry().find_name(PV_KIND_DOMAIN, 0, "two"), nullptr);
    bool is_new = true;
    ASSERT_TRUE(table->define(
        made(1, "one"), nullptr, description(),
        [](const Table::Ptr& existing, const Others& others) {
            EXPECT_NE(existing, nullptr);
            EXPECT_TRUE(others.empty());
            return Status();
        },
        [&](Thing&, bool fresh) { is_new = fresh; }));
    EXPECT_FALSE(is_new);
}

TEST_F(DefinedThings, of_many_that_define_at_once_one_is_between_check_and_commit) {
    constexpr int kThreads = 8, kRounds = 50;
    std::atomic<int> inside{0}, refused{0}, met{0};
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
        threads.emplace_back([&, t] {
            for (int round = 0; round < kRounds; ++round) {
                // All want the one thing that only one may have: to be the first of its round.
                const auto defined = table->define(
                    made(static_cast<std::uint8_t>(t + 1), fmt::format("{}-{}", round, t)), nullptr, description(),
                    [&](const Table::Ptr&, const Others& others) -> Status {
                        if (inside.fetch_add(1) != 0) ++met;
                        const auto taken = std::any_of(others.begin(), others.end(), [&](const auto& o) {
                            return o->name.starts_with(fmt::format("{}-", round));
                        });
                        if (!taken) return {};
                        --inside;
                        ++refused;
                        return Error{.message = "taken"};
                    },
                    [&](Thing&, bool) { --inside; });
                if (defined) table->remove(**defined);
            }
        });
    threads.clear();
    EXPECT_EQ(met, 0);
    EXPECT_EQ(inside, 0);
    EXPECT_EQ(table->all().size(), 0u);
}

TEST_F(DefinedThings, what_may_not_go_stays) {
    const auto one = add(1, "one");
    ASSERT_TRUE(one);
    const auto yes = [](const Others&) { return Status(); };
    EXPECT_FALSE(table->remove(*one->object, [](const Others&) { return Status(Error{.message = "in use"}); }, [](Thing&) { return Status(); }));
    EXPECT_FALSE(table->remove(*one->object, yes, [](Thing&) { return Status(Error{.message = "busy"}); }));
    EXPECT_EQ(table->find(uuid(1)), one->object);
    EXPECT_TRUE(table->remove(*one->object, yes, [](Thing&) { return Status(); }));
    EXPECT_EQ(table->find(uuid(1)), nullptr);
    EXPECT_FALSE(table->remove(*one->object)) << "it is gone already";
}

} // namespace
} // namespace polyvirt::sdk
