// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/cgroup/cgroup.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/cgroup/files.h"

namespace polyvirt::sdk::cgroup {
namespace {

constexpr std::string_view kV1 = "25 24 0:22 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
                                 "26 25 0:23 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
                                 "27 25 0:24 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                                 "28 25 0:25 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n";

TEST(ControlGroups, stand_below_the_place_of_the_daemon_in_each_hierarchy) {
    const Tree tree = Tree::of(kV1, "3:memory:/a/b\n2:cpu,cpuacct:/\n1:name=systemd:/x\n", "");
    const Group group = tree.guest("/machine/web", "qemu-1-a");
    EXPECT_EQ(group.folder(Controller::cpu), "/sys/fs/cgroup/cpu,cpuacct/machine/web/qemu-1-a");
    EXPECT_EQ(group.folder(Controller::cpuacct), group.folder(Controller::cpu));
    EXPECT_EQ(group.folder(Controller::memory), "/sys/fs/cgroup/memory/a/b/machine/web/qemu-1-a");
    EXPECT_EQ(group.version(Controller::memory), 1);
    EXPECT_EQ(group.version(Controller::blkio), 0);
}

TEST(ControlGroups, of_a_part_of_the_hierarchy_that_alone_is_mounted) {
    const Tree tree = Tree::of("9 8 0:9 /docker/x /cg/memory rw - cgroup cgroup rw,memory\n", "1:memory:/docker/x/y\n", "");
    EXPECT_EQ(tree.guest("/machine", "g").folder(Controller::memory), "/cg/memory/y/machine/g");
}

TEST(ControlGroups, never_leave_the_place_of_the_daemon) {
    const Tree tree = Tree::of(kV1, "3:memory:/../..\n2:cpu,cpuacct:/\n", "/polyvirt-1");
    EXPECT_EQ(tree.guest("/../../x/./y", "g").folder(Controller::memory), "/sys/fs/cgroup/memory/polyvirt-1/x/y/g");
}

TEST(ControlGroups, without_a_controller_say_which_is_missing) {
    const Group group = Tree::of(kV1, "", "", ErrorDomain::lxc).guest("/machine", "g");
    const Status set = group.set(Controller::blkio, "blkio.weight", "100");
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().code, ErrorCode::operation_invalid);
    EXPECT_EQ(set.error().domain, ErrorDomain::lxc);
    EXPECT_THAT(set.error().message, testing::HasSubstr("cgroup BLKIO controller is not mounted"));
}

TEST(ControlGroups, reach_every_hierarchy_if_asked_to) {
    const Tree tree = Tree::of(kV1, "3:memory:/\n2:cpu,cpuacct:/\n1:name=systemd:/x\n", "");
    const auto usual = tree.guest("/machine", "g").to_text();
    EXPECT_EQ(usual.size(), 2U);
    const auto all = tree.guest("/machine", "g", Tree::Reach::every_hierarchy).to_text();
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[2], "1::/sys/fs/cgroup/systemd/x/machine/g");
    EXPECT_EQ(Group::from_text(all, ErrorDomain::lxc).to_text(), all);
}

class InAFolder : public testing::Test {
  protected:
    InAFolder() {
        std::string pattern = testing::TempDir() + "pvcgXXXXXX";
        root = ::mkdtemp(pattern.data());
    }
    ~InAFolder() override { std::filesystem::remove_all(root); }
    Group guest(const std::string& name) const {
        return Tree::of("9 8 0:9 / " + root + " rw - cgroup cgroup rw,memory\n", "1:memory:/\n", "").guest("/machine", name);
    }
    std::string root;
};

TEST_F(InAFolder, are_made_with_their_partition_and_removed_with_it) {
    Group one = guest("one"), two = guest("two");
    one.make();
    two.make();
    ASSERT_EQ(one.version(Controller::memory), 1) << one.why();
    EXPECT_TRUE(std::filesystem::is_directory(root + "/machine/one"));
    one.remove();
    EXPECT_TRUE(std::filesystem::is_directory(root + "/machine"));
    EXPECT_FALSE(std::filesystem::exists(root + "/machine/one"));
    two.remove();
    EXPECT_FALSE(std::filesystem::exists(root + "/machine"));
}

TEST_F(InAFolder, keep_values) {
    Group group = guest("one");
    group.make();
    std::ofstream(root + "/machine/one/memory.limit_in_bytes") << "1\n";
    ASSERT_TRUE(group.set(Controller::memory, "memory.limit_in_bytes", "4096"));
    const auto value = group.get(Controller::memory, "memory.limit_in_bytes");
    ASSERT_TRUE(value);
    EXPECT_EQ(*value, "4096");
}

TEST_F(InAFolder, that_cannot_be_made_are_not_to_be_had_and_say_why) {
    std::ofstream(root + "/machine") << "in the way";
    Group group = guest("one");
    group.make();
    EXPECT_EQ(group.version(Controller::memory), 0);
    EXPECT_THAT(group.why(), testing::HasSubstr("/machine/one"));
}

} // namespace
} // namespace polyvirt::sdk::cgroup
