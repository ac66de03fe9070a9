// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Limits on files that look like the kernel's.

#include "tune/limits.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polyvirt::qemu {
namespace {

using cgroup::Tree;
using sdk::domain::Memtune;

class LimitsTest : public testing::Test {
  protected:
    LimitsTest() {
        std::string pattern = testing::TempDir() + "pvlimXXXXXX";
        root = ::mkdtemp(pattern.data());
    }
    ~LimitsTest() override { std::filesystem::remove_all(root); }
    Limits v1(const std::string& controllers) {
        auto group = Tree::of("9 8 0:9 / " + root + " rw - cgroup cgroup rw," + controllers + "\n", "1:" + controllers + ":/\n", "").guest("/m", "g");
        group.make();
        return Limits(group);
    }
    void file(const std::string& name, const std::string& value) {
        std::filesystem::create_directories(std::filesystem::path(root + "/m/g/" + name).parent_path());
        std::ofstream(root + "/m/g/" + name) << value << '\n';
    }
    // What is written to the kernel's files replaces it all; here the end of a longer value stays.
    bool wrote(const std::string& name, const std::string& value) {
        std::ifstream in(root + "/m/g/" + name);
        std::string line;
        std::getline(in, line);
        return line.starts_with(value);
    }
    std::string root;
};

TEST_F(LimitsTest, memory_of_v1_in_kib_and_without_a_limit) {
    const Limits limits = v1("memory");
    file("memory.limit_in_bytes", "9223372036854771712");
    file("memory.soft_limit_in_bytes", "1048576");
    file("memory.memsw.limit_in_bytes", "9223372036854771712");
    auto now = limits.memory();
    ASSERT_TRUE(now);
    EXPECT_FALSE(now->hard_limit);
    EXPECT_EQ(now->soft_limit, 1024U);
    Memtune wanted;
    wanted.hard_limit = 2048;
    ASSERT_TRUE(limits.set_memory(wanted));
    EXPECT_TRUE(wrote("memory.limit_in_bytes", "2097152"));
    EXPECT_TRUE(wrote("memory.soft_limit_in_bytes", "-1"));
    EXPECT_TRUE(wrote("memory.memsw.limit_in_bytes", "9223372036854771712"));
}

TEST_F(LimitsTest, memory_without_accounting_of_swap) {
    const Limits limits = v1("memory");
    file("memory.limit_in_bytes", "4194304");
    file("memory.soft_limit_in_bytes", "9223372036854771712");
    const auto now = limits.memory();
    ASSERT_TRUE(now);
    EXPECT_EQ(now->hard_limit, 4096U);
    EXPECT_FALSE(now->swap_hard_limit);
}

TEST_F(LimitsTest, shares_have_the_kernels_bounds) {
    const Limits limits = v1("cpu");
    file("cpu.shares", "1024");
    EXPECT_EQ(*limits.shares(), 1024U);
    ASSERT_TRUE(limits.set_shares(512));
    EXPECT_TRUE(wrote("cpu.shares", "512"));
    EXPECT_THAT(limits.set_shares(0).error().message, testing::HasSubstr("shares '0' must be in range [2, 262144]"));
}

TEST_F(LimitsTest, a_group_that_is_not_there_has_what_the_kernel_begins_with) {
    const Limits limits = v1("cpu");
    const auto now = limits.bandwidth({Within::Kind::vcpu, 3});
    ASSERT_TRUE(now);
    EXPECT_EQ(now->period, 100'000U);
    EXPECT_EQ(now->quota, -1);
}

TEST_F(LimitsTest, a_period_changes_while_the_quota_is_lifted) {
    const Limits limits = v1("cpu");
    file("cpu.cfs_period_us", "100000");
    file("cpu.cfs_quota_us", "50000");
    ASSERT_TRUE(limits.set_bandwidth({}, {.period = 20'000, .quota = {}}));
    EXPECT_TRUE(wrote("cpu.cfs_period_us", "20000"));
    EXPECT_TRUE(wrote("cpu.cfs_quota_us", "50000"));
    ASSERT_TRUE(limits.set_bandwidth({}, {.period = {}, .quota = -1}));
    EXPECT_TRUE(wrote("cpu.cfs_quota_us", "-1"));
}

TEST_F(LimitsTest, weights_are_where_the_scheduler_of_the_disks_has_them) {
    const Limits limits = v1("blkio");
    file("blkio.bfq.weight", "100");
    ASSERT_TRUE(limits.set_weight(300));
    EXPECT_TRUE(wrote("blkio.bfq.weight", "300"));
    EXPECT_EQ(*limits.weight(), 300U);
    sdk::domain::BlkioDevice device;
    device.path = "/dev/null";
    device.read_iops_sec = 5;
    EXPECT_THAT(limits.set_devices({}, {device}).error().message, testing::HasSubstr("must be a block device"));
    device.weight = 200;
    EXPECT_EQ(limits.set_devices({}, {device}).error().code, ErrorCode::operation_invalid);
}

TEST_F(LimitsTest, times_of_the_guest_and_of_its_processors) {
    const Limits limits = v1("cpuacct");
    file("cpuacct.usage", "12345");
    file("cpuacct.stat", "user 100\nsystem 50");
    file("cpuacct.usage_percpu", "5 7 ");
    file("vcpu0/cpuacct.usage_percpu", "1 2 ");
    file("vcpu1/cpuacct.usage_percpu", "3 1 ");
    const auto times = limits.cpu_times();
    ASSERT_TRUE(times);
    EXPECT_EQ(times->total, 12'345U);
    EXPECT_EQ(times->user, 2 * times->system);
    EXPECT_EQ(*limits.cpu_times_by_processor(), (std::vector<std::uint64_t>{5, 7}));
    EXPECT_EQ(*limits.vcpu_times_by_processor(), (std::vector<std::uint64_t>{4, 3}));
}

TEST_F(LimitsTest, without_a_controller_are_refused) {
    const Limits limits = v1("cpuacct");
    EXPECT_EQ(limits.memory().error().code, ErrorCode::operation_invalid);
    EXPECT_EQ(limits.set_shares(5).error().code, ErrorCode::operation_invalid);
    EXPECT_TRUE(Limits({}).empty());
}

TEST(Within, names_of_groups) {
    EXPECT_EQ(sdk::name_of({}), "");
    EXPECT_EQ(sdk::name_of({Within::Kind::emulator, 0}), "emulator");
    EXPECT_EQ(sdk::name_of({Within::Kind::vcpu, 3}), "vcpu3");
    EXPECT_EQ(sdk::name_of({Within::Kind::iothread, 12}), "iothread12");
}

} // namespace
} // namespace polyvirt::qemu
