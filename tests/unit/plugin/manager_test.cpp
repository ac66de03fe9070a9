// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/manager.h"

#include <fstream>
#include <sys/stat.h>

#include <polyvirt/abi/gen/ops.h>

#include "host/plugin/context.h"
#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::plugin {
namespace {

using ::testing::HasSubstr;

// Takes all events and counts them by name.
class Manager : public ::testing::Test {
  protected:
    std::string folder(const std::string& name) { return std::string(TEST_PLUGINS) + "/" + name; }
    ManagerOptions options() {
        ManagerOptions o;
        o.paths = dir.host_paths();
        o.version = o.build_id = "t";
        o.pool = &pool;
        o.sink = &sink;
        o.catalog = &default_catalog();
        return o;
    }
    void make() { manager = std::make_unique<PluginManager>(options()); }
    void make_good() {
        make();
        manager->load({folder("t_good")});
        manager->start();
    }
    std::shared_ptr<Instance> open(const std::string& uri, std::uint64_t client) {
        auto opened = manager->open(uri, client);
        EXPECT_TRUE(opened) << opened.error().message;
        return opened ? *opened : nullptr;
    }
    // Runs an op of the good driver to its end.
    std::shared_ptr<TestCall> call(const std::shared_ptr<Instance>& in, std::uint32_t op, const pv_obj* obj,
                                   const void* arg, void* out) {
        auto c = std::make_shared<TestCall>();
        in->enter(c, op, obj, arg, out);
        EXPECT_TRUE(c->done.wait());
        return c;
    }
    std::uint64_t create(const std::shared_ptr<Instance>& in, const char* name) {
        pv_dom_create_xml_in arg{};
        arg.size = sizeof(arg);
        arg.xml = name;
        pv_dom_create_xml_out out{};
        out.size = sizeof(out);
        EXPECT_EQ(call(in, PV_OP_DOM_CREATE_XML, nullptr, &arg, &out)->status, PV_OK);
        return out.obj;
    }

    TempDir dir;
    work::WorkerPool pool{{}};
    TestSink sink;
    std::unique_ptr<PluginManager> manager;
};

TEST_F(Manager, a_driver_in_c_lives_a_whole_life) {
    make_good();
    ASSERT_EQ(manager->list().size(), 1U);
    ASSERT_EQ(manager->list()[0].instances.size(), 1U); // its static instance, from the start
    const auto in = open("good:///default", 1);
    ASSERT_NE(in, nullptr);
    EXPECT_EQ(in->canonical_uri(), "good:///default");
    EXPECT_TRUE(in->implements(PV_OP_DOM_SUSPEND));
    EXPECT_FALSE(in->implements(PV_OP_DOM_RESUME));

    const std::uint64_t handle = create(in, "first-domain-of-all");
    {
        const ObjArg arg(in->registry().find(handle));
        EXPECT_EQ(call(in, PV_OP_DOM_SUSPEND, arg.get(), nullptr, nullptr)->status, PV_OK); // completed from its loop
        EXPECT_EQ(in->registry().find(handle)->state, 3);
        const pv_dom_destroy_in how{.size = sizeof(pv_dom_destroy_in), .flags = 0};
        EXPECT_EQ(call(in, PV_OP_DOM_DESTROY, arg.get(), &how, nullptr)->status, PV_OK);
    }
    EXPECT_EQ(in->registry().count({.kind = PV_KIND_DOMAIN}), 0U);
    manager->events().flush();
    EXPECT_THAT(sink.seen(), ::testing::ElementsAre("first-domain-of-all"));
    manager->client_gone(1);
    EXPECT_TRUE(manager->stop(soon()));
    EXPECT_EQ(in->state(), InstanceState::stopped);
}

TEST_F(Manager, many_clients_share_one_static_instance) {
    make_good();
    std::vector<std::thread> threads;
    std::array<std::shared_ptr<Instance>, 8> found;
    for (std::size_t i = 0; i < found.size(); ++i)
        threads.emplace_back([&, i] { found[i] = open("good:///other", i + 1); });
    for (auto& t : threads) t.join();
    for (const auto& in : found) EXPECT_EQ(in, found[0]);
    for (std::size_t i = 0; i < found.size(); ++i) manager->client_gone(i + 1);
    EXPECT_EQ(found[0]->state(), InstanceState::started); // static: it stays
    EXPECT_TRUE(manager->stop(soon()));
}

TEST_F(Manager, an_instance_of_one_connection_ends_with_it) {
    make_good();
    const auto first = open("good:///mine", 1);
    const auto second = open("good:///mine", 2);
    ASSERT_NE(first, second);
    create(first, "only-in-the-first-one");
    EXPECT_EQ(second->registry().count({.kind = PV_KIND_DOMAIN}), 0U);
    manager->client_gone(1);
    EXPECT_TRUE(eventually([&] { return first->state() == InstanceState::stopped; }));
    EXPECT_EQ(second->state(), InstanceState::started);
    EXPECT_TRUE(manager->stop(soon()));
    EXPECT_EQ(second->state(), InstanceState::stopped);
}

TEST_F(Manager, a_uri_is_known_from_its_first_open_until_its_instance_ends) {
    make_good();
    EXPECT_EQ(manager->open_known("good:///default", 1), nullptr); // no driver was asked yet
    const auto in = open("good:///default", 1);
    EXPECT_EQ(manager->open_known("good:///default", 2), in);
    EXPECT_EQ(open("good:///default", 3), in);
    EXPECT_EQ(manager->open_known("good:///other", 2), nullptr);
    manager->refuse_calls();
    EXPECT_EQ(manager->open_known("good:///default", 4), nullptr);
    EXPECT_TRUE(manager->stop(soon()));
    EXPECT_EQ(manager->open_known("good:///default", 4), nullptr);
}

TEST_F(Manager, what_lives_for_one_connection_is_never_known) {
    make_good();
    const auto first = open("good:///mine", 1);
    EXPECT_EQ(manager->open_known("good:///mine", 2), nullptr);
    EXPECT_NE(open("good:///mine", 2), first);
    EXPECT_TRUE(manager->stop(soon()));
}

TEST_F(Manager, a_client_goes_unheard_unless_somebody_must_hear_of_it) {
    make_good();
    const auto in = open("good:///default", 1);
    EXPECT_EQ(manager->open_known("good:///default", 2), in);
    const auto mine = open("good:///mine", 3);
    Clients& clients = in->host()->shared.clients;
    ASSERT_EQ(clients.store(2, {in->host(), PV_KIND_DOMAIN, 5}), PV_OK);
    EXPECT_TRUE(manager->client_gone_unheard(1));
    EXPECT_TRUE(manager->client_gone_unheard(1)); // that open() never saw, as far as one can tell
    EXPECT_FALSE(manager->client_gone_unheard(2));
    EXPECT_EQ(clients.store(1, {in->host(), PV_KIND_DOMAIN, 5}), PV_GONE);
    EXPECT_EQ(clients.forget(2, {in->host(), PV_KIND_DOMAIN, 5}), PV_OK); // it is still there
    EXPECT_TRUE(manager->client_gone_unheard(2));
    EXPECT_FALSE(manager->client_gone_unheard(3));
    manager->client_gone(3);
    EXPECT_TRUE(eventually([&] { return mine->state() == InstanceState::stopped; }));
    EXPECT_TRUE(manager->stop(soon()));
}

TEST_F(Manager, unknown_uris_are_refused) {
    make_good();
    const auto opened = manager->open("nobody:///system", 1);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::no_connect);
    EXPECT_THAT(opened.error().message, HasSubstr("nobody:///system"));
    EXPECT_EQ(manager->probe("good:///x"), "good:///x");
    EXPECT_EQ(manager->probe("nobody:///x"), std::nullopt);
}

TEST_F(Manager, bad_plugins_are_listed_and_the_rest_lives) {
    make();
    manager->load({folder("t_no_note"), folder("t_good"), folder("t_undefined_symbol"), folder("absent"),
                   folder("t_good")});
    manager->start();
    const auto all = manager->list();
    ASSERT_EQ(all.size(), 3U); // one file is one plugin, in however many folders it is
    EXPECT_FALSE(all[0].refused);
    EXPECT_THAT(all[1].reason, HasSubstr("it has no manifest"));
    EXPECT_THAT(all[2].reason, HasSubstr("undefined symbol"));
    EXPECT_NE(open("good:///default", 1), nullptr);
}

TEST_F(Manager, a_plugin_that_does_not_start_leaves_the_others_running) {
    make();
    std::filesystem::create_directories(dir.path());
    std::ofstream(dir.path() + "/run") << "not a folder";
    manager->load({folder("t_good")});
    manager->start();
    ASSERT_EQ(manager->list().size(), 1U);
    EXPECT_THAT(manager->list()[0].reason, HasSubstr("cannot make the folder"));
    EXPECT_TRUE(manager->list()[0].instances.empty());
    EXPECT_THAT(manager->open("good:///default", 1).error().message, HasSubstr("cannot make the folder"));
    std::filesystem::remove(dir.path() + "/run");
    EXPECT_NE(open("good:///default", 1), nullptr); // tried again
    EXPECT_EQ(manager->list()[0].reason, "");
}

TEST_F(Manager, providers_are_by_kind) {
    make_good();
    const auto in = open("good:///default", 1);
    EXPECT_EQ(manager->provider(in, PV_KIND_DOMAIN), in);
    EXPECT_EQ(manager->provider(in, PV_KIND_NETWORK), nullptr);
}

TEST_F(Manager, stopping_refuses_calls_first) {
    make_good();
    const auto in = open("good:///default", 1);
    manager->refuse_calls();
    auto c = std::make_shared<TestCall>();
    in->enter(c, PV_OP_DOM_DESTROY, nullptr, nullptr, nullptr);
    EXPECT_EQ(c->status, PV_BUSY);
    EXPECT_FALSE(manager->open("good:///x", 2));
    EXPECT_TRUE(manager->stop(soon()));
}

TEST_F(Manager, objects_left_behind_are_released_at_the_end) {
    make_good();
    const auto in = open("good:///default", 1);
    for (int i = 0; i < 100; ++i) create(in, fmt::format("{:04}-domain-number", i).c_str());
    EXPECT_EQ(in->registry().count({.kind = PV_KIND_DOMAIN}), 100U);
    EXPECT_TRUE(manager->stop(soon()));
}

TEST_F(Manager, clients_come_and_go_under_load) {
    make_good();
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (std::uint64_t i = 0; i < 10; ++i) {
                const std::uint64_t id = t * 100 + i + 1;
                const auto in = open("good:///mine", id);
                const std::uint64_t handle = create(in, fmt::format("domain-{:09}-{:09}", t, i).c_str());
                const ObjArg arg(in->registry().find(handle));
                EXPECT_EQ(call(in, PV_OP_DOM_SUSPEND, arg.get(), nullptr, nullptr)->status, PV_OK);
                manager->client_gone(id);
            }
        });
    for (auto& t : threads) t.join();
    EXPECT_TRUE(eventually([&] { return manager->list()[0].instances.size() == 1; }));
    EXPECT_TRUE(manager->stop(soon()));
}

} // namespace
} // namespace polyvirt::plugin
