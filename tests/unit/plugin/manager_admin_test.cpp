// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Which plugins are loaded, and what administrators do with one while others serve.
#include "host/plugin/manager.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <sys/stat.h>
#include <thread>

#include <polyvirt/abi/gen/ops.h>

#include "host/plugin/load_record.h"
#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ManagerAdmin : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(::mkdir(folder.c_str(), 0755), 0);
        policy.folders = {folder};
        policy.record_folder = dir.path() + "/record";
    }
    // Puts a test plugin's file into the folder, as a package manager does: beside, then renamed.
    void install(const std::string& name, const std::string& as = "") {
        const std::string to = folder + "/" + (as.empty() ? name : as) + ".so";
        std::filesystem::copy_file(std::string(TEST_PLUGINS) + "/" + name + "/" + name + ".so", to + ".new");
        ASSERT_EQ(::chmod((to + ".new").c_str(), 0644), 0);
        std::filesystem::rename(to + ".new", to);
    }
    void start() {
        ManagerOptions o;
        o.paths = dir.host_paths();
        o.version = o.build_id = "t";
        o.pool = &pool;
        o.sink = &sink;
        o.catalog = &default_catalog();
        o.config = [this](std::string_view key) -> std::optional<std::string> {
            const auto it = config.find(std::string(key));
            return it == config.end() ? std::nullopt : std::optional(it->second);
        };
        manager.reset();
        manager = std::make_unique<PluginManager>(std::move(o));
        manager->load(policy);
        manager->start();
    }
    PluginInfo info(const std::string& id) const {
        for (PluginInfo& one : manager->list())
            if (one.id == id) return one;
        ADD_FAILURE() << "there is no plugin " << id;
        return {};
    }
    PluginState state(const std::string& id) const { return info(id).state; }
    std::string open_error(const std::string& uri) {
        const auto opened = manager->open(uri, ++last_client);
        manager->client_gone(last_client);
        return opened ? "" : opened.error().message;
    }
    static Disable soon_or(bool force = false, bool remember = true) {
        Disable how;
        how.force = force;
        how.remember = remember;
        how.until = soon();
        return how;
    }
    Status disable(const std::string& id, bool force = false) { return manager->disable(id, soon_or(force)); }

    TempDir dir;
    const std::string folder = dir.path() + "/plugins";
    std::map<std::string, std::string> config;
    LoadPolicy policy;
    work::WorkerPool pool{{}};
    TestSink sink;
    std::uint64_t last_client = 1000;
    std::unique_ptr<PluginManager> manager;
};

TEST_F(ManagerAdmin, a_disabled_plugin_says_so_and_comes_back) {
    install("t_good");
    install("t_moody");
    start();
    ASSERT_TRUE(disable("t_good"));
    EXPECT_EQ(state("t_good"), PluginState::disabled);
    EXPECT_THAT(open_error("good:///default"), HasSubstr("plugin 't_good' is disabled: an administrator disabled it"));
    EXPECT_EQ(open_error("moody:///default"), "");
    ASSERT_TRUE(disable("t_good")) << "once more changes nothing";
    ASSERT_TRUE(manager->enable("t_good", true));
    EXPECT_EQ(state("t_good"), PluginState::running);
    EXPECT_EQ(open_error("good:///default"), "");
    EXPECT_TRUE(manager->stop(soon()));
}

TEST_F(ManagerAdmin, what_was_disabled_stays_so_over_a_restart_unless_it_was_for_now) {
    install("t_good");
    install("t_moody");
    start();
    ASSERT_TRUE(manager->disable("t_good", soon_or()));
    ASSERT_TRUE(manager->disable("t_moody", soon_or(false, false)));
    start();
    EXPECT_EQ(state("t_good"), PluginState::disabled);
    EXPECT_EQ(state("t_moody"), PluginState::running);
    ASSERT_TRUE(manager->enable("t_good", false));
    start();
    EXPECT_EQ(state("t_good"), PluginState::disabled);
    ASSERT_TRUE(manager->enable("t_good", true));
    start();
    EXPECT_EQ(state("t_good"), PluginState::running);
}

TEST_F(ManagerAdmin, connections_are_a_reason_not_to_disable_unless_forced) {
    install("t_good");
    start();
    const auto opened = manager->open("good:///default", 7);
    ASSERT_TRUE(opened);
    Disable how = soon_or();
    std::set<std::uint64_t> present = {7};
    how.clients = [&] { return present; };
    const Status refused = manager->disable("t_good", how);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("in use by 1 connections (client 7)"));
    EXPECT_EQ(state("t_good"), PluginState::running);
    EXPECT_EQ(open_error("good:///default"), "");

    how.force = true;
    std::set<std::uint64_t> closed;
    how.close_clients = [&](const std::set<std::uint64_t>& clients) {
        closed = clients;
        present.clear();
        auto call = std::make_shared<TestCall>(); // of a client that has not heard of it yet
        (*opened)->enter(call, PV_OP_DOM_DESTROY, nullptr, nullptr, nullptr);
        EXPECT_EQ(call->status, PV_BUSY);
    };
    ASSERT_TRUE(manager->disable("t_good", how));
    EXPECT_THAT(closed, ElementsAre(7));
    EXPECT_EQ((*opened)->state(), InstanceState::stopped);
    manager->client_gone(7);
}

TEST_F(ManagerAdmin, other_plugins_that_use_it_are_a_reason_too) {
    install("t_moody_net_user");
    install("t_moody_net_a");
    start();
    const Status refused = disable("t_net_a");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("'t_a_net_user' uses network of it"));
    ASSERT_TRUE(disable("t_net_a", true));
    EXPECT_EQ(state("t_a_net_user"), PluginState::running);
    ASSERT_TRUE(manager->enable("t_net_a", true));
    ASSERT_TRUE(disable("t_a_net_user"));
    EXPECT_TRUE(disable("t_net_a"));
}

TEST_F(ManagerAdmin, a_plugin_that_fails_leaves_the_others_and_is_tried_again) {
    install("t_good");
    install("t_moody");
    config["plugins.t_moody.mood"] = "fail-in-start";
    start();
    EXPECT_EQ(state("t_moody"), PluginState::failed);
    EXPECT_THAT(info("t_moody").reason, HasSubstr("not in the mood"));
    EXPECT_THAT(open_error("moody:///default"), HasSubstr("not in the mood"));
    EXPECT_EQ(state("t_good"), PluginState::running);
    EXPECT_THAT(manager->enable("t_moody", true).error().message, HasSubstr("did not start"));
    config.clear();
    EXPECT_TRUE(manager->enable("t_moody", true));
    EXPECT_EQ(state("t_moody"), PluginState::running);
}

TEST_F(ManagerAdmin, allow_deny_and_safe_mode_leave_out) {
    install("t_good");
    install("t_moody");
    install("t_stuck");
    policy.deny = {"t_st*"};
    policy.only = std::vector<std::string>{"t_good"};
    start();
    EXPECT_EQ(state("t_good"), PluginState::running);
    EXPECT_EQ(state("t_moody"), PluginState::left_out);
    EXPECT_EQ(state("t_stuck"), PluginState::denied);
    EXPECT_THAT(open_error("stuck:///default"), HasSubstr("plugin 't_stuck' is denied: 't_st*' of loading.deny"));
    EXPECT_TRUE(manager->enable("t_moody", false));
    EXPECT_EQ(open_error("moody:///default"), "");
    EXPECT_THAT(manager->enable("t_stuck", true).error().message, HasSubstr("denied"));
}

TEST_F(ManagerAdmin, required_plugins_must_run) {
    install("t_moody");
    policy.required = {"t_moody", "t_absent"};
    config["plugins.t_moody.mood"] = "fail-in-start";
    start();
    const Status missing = manager->check_required();
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message, HasSubstr("'t_moody' (failed: "));
    EXPECT_THAT(missing.error().message, HasSubstr("'t_absent' (no file of that name is in the folders)"));
    config.clear();
    policy.required = {"t_moo*"};
    start();
    EXPECT_TRUE(manager->check_required());
    EXPECT_THAT(disable("t_moody").error().message, HasSubstr("is required (loading.required)"));
    EXPECT_TRUE(manager->disable("t_moody", soon_or(false, false)));
    policy.only = std::vector<std::string>{};
    start();
    EXPECT_TRUE(manager->check_required()) << "safe mode is for when they do not run";
}

TEST_F(ManagerAdmin, the_configuration_chooses_between_providers_and_circles_are_refused) {
    install("t_moody_net_a");
    install("t_moody_net_b");
    install("t_moody_circle_a");
    install("t_moody_circle_b");
    start();
    EXPECT_EQ(state("t_net_a"), PluginState::running);
    EXPECT_EQ(state("t_net_b"), PluginState::refused);
    EXPECT_THAT(info("t_net_b").reason, HasSubstr("both 't_net_a' and 't_net_b' serve objects of kind network"));
    EXPECT_THAT(info("t_circle_a").reason,
                HasSubstr("'t_circle_a' uses secret of 't_circle_b', 't_circle_b' uses pool of 't_circle_a'"));
    EXPECT_EQ(state("t_circle_b"), PluginState::refused);
    EXPECT_THAT(manager->enable("t_net_b", true).error().message, HasSubstr("both"));
    policy.providers[PV_KIND_NETWORK] = "t_net_b";
    start();
    EXPECT_EQ(state("t_net_a"), PluginState::running);
    EXPECT_EQ(state("t_net_b"), PluginState::running);
}

TEST_F(ManagerAdmin, the_chosen_plugin_alone_is_asked_about_a_scheme) {
    install("t_moody");
    install("t_moody_twin");
    policy.schemes["moody"] = "t_twin";
    start();
    EXPECT_EQ(state("t_moody"), PluginState::running);
    const auto opened = manager->open("moody:///default", 1);
    ASSERT_TRUE(opened);
    EXPECT_EQ((*opened)->plugin_id(), "t_twin");
    manager->client_gone(1);
}

TEST_F(ManagerAdmin, of_two_folders_the_first_counts) {
    install("t_moody");
    const std::string site = dir.path() + "/site";
    ASSERT_EQ(::mkdir(site.c_str(), 0755), 0);
    std::filesystem::copy_file(std::string(TEST_PLUGINS) + "/t_moody_v2/t_moody_v2.so", site + "/other.so");
    ASSERT_EQ(::chmod((site + "/other.so").c_str(), 0644), 0);
    policy.folders = {site, folder, dir.path() + "/absent"};
    start();
    EXPECT_EQ(info("t_moody").version, "2");
    const auto all = manager->list();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_THAT(all[1].reason, HasSubstr("a plugin 't_moody' is there already, " + site + "/other.so"));
}

TEST_F(ManagerAdmin, a_new_file_is_loaded_when_it_is_enabled) {
    install("t_good");
    start();
    install("t_moody");
    EXPECT_THAT(open_error("moody:///default"), HasSubstr("moody:///default"));
    ASSERT_TRUE(manager->enable("t_moody", true));
    EXPECT_EQ(open_error("moody:///default"), "");
    EXPECT_THAT(manager->enable("t_absent", true).error().message, HasSubstr("there is no plugin 't_absent' in " + folder));
}

TEST_F(ManagerAdmin, a_file_that_replaced_another_brings_its_own_code) {
    install("t_moody");
    start();
    EXPECT_EQ(info("t_moody").version, "1");
    ASSERT_TRUE(disable("t_moody"));
    install("t_moody_v2", "t_moody");
    ASSERT_TRUE(manager->enable("t_moody", true));
    EXPECT_EQ(info("t_moody").version, "2");
    ASSERT_TRUE(disable("t_moody"));
    ASSERT_TRUE(manager->enable("t_moody", true)); // the code that is there already
    EXPECT_EQ(info("t_moody").version, "2");
}

TEST_F(ManagerAdmin, a_file_that_was_written_over_is_refused) {
    install("t_moody");
    start();
    ASSERT_TRUE(disable("t_moody"));
    std::ofstream(folder + "/t_moody.so", std::ios::app | std::ios::binary) << "x";
    EXPECT_THAT(manager->enable("t_moody", true).error().message, HasSubstr("was written over"));
}

TEST_F(ManagerAdmin, who_crashes_the_daemon_too_often_is_left_out_until_it_is_enabled) {
    install("t_moody");
    install("t_good");
    Result<PluginFile> file = read_plugin_file(folder + "/t_moody.so");
    ASSERT_TRUE(file);
    for (int i = 0; i < 3; ++i) static_cast<void>(LoadRecord(policy.record_folder).begin("t_moody", file->stamp));
    start();
    EXPECT_EQ(state("t_moody"), PluginState::crashed);
    EXPECT_EQ(state("t_good"), PluginState::running);
    EXPECT_THAT(open_error("moody:///default"), HasSubstr("crashed 3 times in a row while it was starting this plugin"));
    start();
    EXPECT_EQ(state("t_moody"), PluginState::crashed) << "it is left out for as long as nobody says otherwise";
    ASSERT_TRUE(manager->enable("t_moody", true));
    start();
    EXPECT_EQ(state("t_moody"), PluginState::running);
}

TEST_F(ManagerAdmin, inspecting_runs_nothing_and_says_whether_it_would_load) {
    install("t_good");
    install("t_need_missing");
    start();
    const auto good = manager->inspect("t_good");
    ASSERT_TRUE(good);
    EXPECT_EQ(good->problem, "");
    const auto bad = manager->inspect(folder + "/t_need_missing.so");
    ASSERT_TRUE(bad);
    EXPECT_THAT(bad->problem, HasSubstr("'host.teleport/1' (size 48), which this daemon (plugin ABI "));
    const auto needs = std::find_if(bad->facts.begin(), bad->facts.end(), [](const Fact& f) { return f.name == "needs"; });
    ASSERT_NE(needs, bad->facts.end());
    EXPECT_THAT(needs->values, ElementsAre("host.call/1", "host.teleport/1>=48"));
    EXPECT_FALSE(manager->inspect("t_absent"));
    EXPECT_FALSE(manager->inspect("/dev/null"));
}

TEST_F(ManagerAdmin, what_does_not_let_go_is_stuck_until_it_does) {
    install("t_good");
    start();
    const auto opened = manager->open("good:///default", 1);
    ASSERT_TRUE(opened);
    manager->client_gone(1);
    pv_dom_create_xml_in in{};
    in.size = sizeof in;
    in.xml = "a-domain-that-is-held";
    pv_dom_create_xml_out out{};
    out.size = sizeof out;
    auto call = std::make_shared<TestCall>();
    (*opened)->enter(call, PV_OP_DOM_CREATE_XML, nullptr, &in, &out);
    ASSERT_TRUE(call->done.wait());
    ObjectPtr held = (*opened)->registry().find(out.obj); // as a call in flight would
    Disable how;
    how.until = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
    const Status stuck = manager->disable("t_good", how);
    ASSERT_FALSE(stuck);
    EXPECT_THAT(stuck.error().message, HasSubstr("has not ended"));
    EXPECT_EQ(state("t_good"), PluginState::stuck);
    EXPECT_THAT(manager->enable("t_good", true).error().message, HasSubstr("cannot be enabled"));
    EXPECT_THAT(open_error("good:///default"), HasSubstr("plugin 't_good' is stuck"));
    held.reset();
    ASSERT_TRUE(disable("t_good"));
    EXPECT_EQ(state("t_good"), PluginState::disabled);
    ASSERT_TRUE(manager->enable("t_good", true));
    EXPECT_EQ(open_error("good:///default"), "");
}

// Calls into one plugin while it comes and goes, and into another that stays.
class UnderLoad : public ManagerAdmin {
  protected:
    // A call of the plugin that stays: it must succeed.
    void call_the_one_that_stays(std::uint64_t client) {
        const auto opened = manager->open("stuck:///default", client);
        const auto call = std::make_shared<TestCall>();
        if (opened) {
            const ObjArg domain((*opened)->registry().list({.kind = PV_KIND_DOMAIN}).front());
            (*opened)->enter(call, PV_OP_DOM_RESUME, domain.get(), nullptr, nullptr);
            if (!call->done.wait()) ++lost;
        }
        if (!opened || call->status != PV_OK) ++wrong;
        manager->client_gone(client);
    }
    // Calls of the one that comes and goes: each must end, whatever the answer.
    void call_the_one_that_goes(std::uint64_t client) {
        const auto opened = manager->open("good:///default", client);
        if (opened) {
            const std::string name = fmt::format("{:016}", client);
            pv_dom_create_xml_in in{};
            in.size = sizeof in;
            in.xml = name.c_str();
            pv_dom_create_xml_out out{};
            out.size = sizeof out;
            const auto create = std::make_shared<TestCall>();
            (*opened)->enter(create, PV_OP_DOM_CREATE_XML, nullptr, &in, &out);
            if (!create->done.wait()) ++lost;
            if (create->status == PV_OK) suspend(*opened, out.obj);
        }
        manager->client_gone(client);
    }
    void suspend(const std::shared_ptr<Instance>& instance, std::uint64_t handle) {
        const ObjectPtr object = instance->registry().find(handle);
        if (object == nullptr) return; // the instance has ended meanwhile
        ++answered;
        const auto call = std::make_shared<TestCall>();
        const ObjArg domain(object);
        instance->enter(call, PV_OP_DOM_SUSPEND, domain.get(), nullptr, nullptr);
        if (!call->done.wait()) ++lost;
    }

    std::atomic<int> lost{0}, wrong{0}, answered{0};
};

TEST_F(UnderLoad, others_lose_nothing_while_a_plugin_comes_and_goes) {
    install("t_good");
    install("t_stuck");
    start();
    std::atomic<bool> over{false};
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 8; ++t)
        threads.emplace_back([&, t] {
            for (std::uint64_t client = 10'000'000 * (t + 1); !over; ++client)
                if (t % 2 == 0) call_the_one_that_stays(client);
                else call_the_one_that_goes(client);
        });
    for (int round = 0; round < 12; ++round) {
        const int before = answered;
        EXPECT_TRUE(eventually([&] { return answered > before; }));
        const Status disabled = disable("t_good", true);
        EXPECT_TRUE(disabled) << disabled.error().message;
        EXPECT_TRUE(manager->enable("t_good", false));
        ASSERT_TRUE(manager->enable("t_good", true));
    }
    over = true;
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(lost, 0);
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(open_error("good:///default"), "");
    EXPECT_TRUE(manager->stop(soon()));
}

} // namespace
} // namespace polyvirt::plugin
