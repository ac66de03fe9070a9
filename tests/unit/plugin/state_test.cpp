// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/state_store.h"

#include <csignal>
#include <fstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <polyvirt/abi/state.h>

#include "host/plugin/folders.h"
#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::plugin {
namespace {

using ::testing::HasSubstr;

class State : public ::testing::Test {
  protected:
    TempDir dir;
    Folders folders{dir.host_paths(), "drv", ""};
    StateStore store{folders};
    std::string config = dir.path() + "/etc/drv";

    void put(const std::string& name, const std::string& data) {
        const Status done = store.put(PV_STATE_CONFIG, name, data);
        EXPECT_TRUE(done) << done.error().message;
    }
    std::string get(const std::string& name) {
        auto data = store.get(PV_STATE_CONFIG, name);
        EXPECT_TRUE(data) << data.error().message;
        return data && *data ? **data : "(none)";
    }
    std::vector<std::string> names(const std::string& folder) {
        std::vector<std::string> all;
        const Status done = store.each(PV_STATE_CONFIG, folder,
                                       [&](const std::string& name, const std::string&) { all.push_back(name); });
        EXPECT_TRUE(done) << done.error().message;
        return all;
    }
};

TEST_F(State, keeps_what_was_put) {
    put("vm1.xml", "one");
    put("sub/vm2.xml", std::string("a\0b", 3));
    EXPECT_EQ(get("vm1.xml"), "one");
    EXPECT_EQ(get("sub/vm2.xml"), std::string("a\0b", 3));
    put("vm1.xml", "two");
    EXPECT_EQ(get("vm1.xml"), "two");
    EXPECT_EQ(get("absent"), "(none)");
    EXPECT_EQ(get("nofolder/absent"), "(none)");
    struct stat st {};
    ASSERT_EQ(::stat((config + "/vm1.xml").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 0600U);
    ASSERT_EQ(::stat((config + "/sub").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 0700U);
}

TEST_F(State, areas_lie_where_they_belong) {
    const std::pair<std::uint32_t, const char*> areas[] = {
        {PV_STATE_CONFIG, "/etc"}, {PV_STATE_STATUS, "/run"}, {PV_STATE_DATA, "/state"}, {PV_STATE_CACHE, "/cache"}};
    for (const auto& [area, folder] : areas) {
        ASSERT_TRUE(store.put(area, "x", "y"));
        EXPECT_TRUE(std::filesystem::exists(dir.path() + folder + "/drv/x"));
    }
    EXPECT_THAT(store.put(9, "x", "y").error().message, HasSubstr("state area 9 is unknown"));
}

TEST_F(State, names_cannot_lead_elsewhere) {
    const std::pair<std::string, const char*> cases[] = {
        {"", "empty"},        {"/etc/passwd", "empty"},     {"a/", "empty"},   {"..", "not allowed"},
        {"../x", "not allowed"}, {"a/..", "not allowed"},   {"a/b/c", "more than one '/'"},
        {std::string(201, 'x'), "longer than 200 bytes"},   {".pv-new-1", "the host's"},
        {"vm.broken", "the host's"}, {"vm.broken.3", "the host's"}};
    for (const auto& [name, why] : cases) {
        EXPECT_THAT(store.put(PV_STATE_CONFIG, name, "x").error().message, HasSubstr(why)) << name;
        EXPECT_FALSE(store.get(PV_STATE_CONFIG, name)) << name;
        EXPECT_FALSE(store.del(PV_STATE_CONFIG, name)) << name;
    }
    put(".hidden", "fine");
    put("not.broken.xml", "fine");
}

TEST_F(State, links_are_not_followed) {
    put("sub/x", "y");
    std::ofstream(dir.path() + "/secret") << "secret";
    ASSERT_EQ(::symlink((dir.path() + "/secret").c_str(), (config + "/link").c_str()), 0);
    ASSERT_EQ(::symlink(dir.path().c_str(), (config + "/elsewhere").c_str()), 0);
    EXPECT_FALSE(store.get(PV_STATE_CONFIG, "link"));
    EXPECT_FALSE(store.put(PV_STATE_CONFIG, "elsewhere/secret", "overwritten"));
    put("link", "own"); // the link is replaced, not what it leads to
    std::string text;
    std::ifstream(dir.path() + "/secret") >> text;
    EXPECT_EQ(text, "secret");
}

TEST_F(State, deleting_what_is_absent_is_success) {
    EXPECT_TRUE(store.del(PV_STATE_CONFIG, "absent"));
    put("x", "y");
    EXPECT_TRUE(store.del(PV_STATE_CONFIG, "x"));
    EXPECT_EQ(get("x"), "(none)");
}

TEST_F(State, each_goes_by_name_and_clears_up_after_a_crash) {
    put("d/b", "2");
    put("d/a", "1");
    put("d/c", "3");
    const std::string crashed = config + "/d/.pv-new-00000000-0000-0000-0000-000000000000-7";
    std::ofstream(crashed) << "half";
    ASSERT_EQ(::mkfifo((config + "/d/fifo").c_str(), 0600), 0);
    EXPECT_THAT(names("d"), ::testing::ElementsAre("a", "b", "c"));
    EXPECT_FALSE(std::filesystem::exists(crashed));
    EXPECT_THAT(names("absent"), ::testing::IsEmpty());
    EXPECT_FALSE(store.each(PV_STATE_CONFIG, "a/b", [](const auto&, const auto&) {}));
}

TEST_F(State, what_makes_no_sense_is_set_aside_and_kept) {
    for (const char* text : {"first", "second"}) {
        put("vm.xml", text);
        ASSERT_TRUE(store.set_aside(PV_STATE_CONFIG, "vm.xml", "not XML"));
    }
    EXPECT_THAT(names(""), ::testing::IsEmpty());
    std::string text;
    std::ifstream(config + "/vm.xml.broken") >> text;
    EXPECT_EQ(text, "first");
    std::ifstream(config + "/vm.xml.broken.2") >> text;
    EXPECT_EQ(text, "second");
    EXPECT_FALSE(store.set_aside(PV_STATE_CONFIG, "vm.xml", "again"));
}

// A file system that is full, made of the process's own limit.
TEST_F(State, a_full_disk_names_the_file_and_keeps_the_old_record) {
    put("vm.xml", "old");
    struct rlimit before {};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto handler = ::signal(SIGXFSZ, SIG_IGN);
    struct rlimit small = before;
    small.rlim_cur = 1000;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const Status done = store.put(PV_STATE_CONFIG, "vm.xml", std::string(5000, 'x'));
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, handler);
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("cannot write '" + config + "/vm.xml': "));
    EXPECT_EQ(get("vm.xml"), "old");
    for (const auto& entry : std::filesystem::directory_iterator(config))
        EXPECT_EQ(entry.path().filename(), "vm.xml"); // nothing half written stays
}

TEST_F(State, a_reader_never_sees_a_half_written_record) {
    put("x", std::string(100'000, 'a'));
    std::atomic<bool> stop{false};
    std::thread writer([&] {
        for (int i = 0; !stop; ++i) EXPECT_TRUE(store.put(PV_STATE_CONFIG, "x", std::string(100'000, i % 2 != 0 ? 'a' : 'b')));
    });
    for (int i = 0; i < 200; ++i) {
        const std::string data = get("x");
        ASSERT_EQ(data.size(), 100'000U);
        ASSERT_EQ(data.find_first_not_of(data[0]), std::string::npos);
        ASSERT_THAT(names(""), ::testing::ElementsAre("x")); // and never the writer's own file
    }
    stop = true;
    writer.join();
}

TEST_F(State, instances_have_folders_of_their_own) {
    Folders other(dir.host_paths(), "drv", "embed/../x#7");
    const auto made = other.dir(PV_PATH_CONFIG);
    ASSERT_TRUE(made);
    EXPECT_STREQ(*made, (dir.path() + "/etc/drv.instances/embed%2F%2E%2E%2Fx%237").c_str());
}

} // namespace
} // namespace polyvirt::plugin
