// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/tune_params.h"

#include <gtest/gtest.h>

#include "sdk/domain/pins.h"
#include "sdk/domain/vcpus.h"

namespace polyvirt::sdk {
namespace {

using namespace domain;
using xml::CpuSet;
using xml::YesNo;

pv_param text(const char* field, const char* value) { return {.field = field, .type = PV_PARAM_STRING, ._r = 0, .v = {.s = value}}; }
pv_param whole(const char* field, std::int32_t value) { return {.field = field, .type = PV_PARAM_INT, ._r = 0, .v = {.i = value}}; }
pv_param natural(const char* field, std::uint32_t value) { return {.field = field, .type = PV_PARAM_UINT, ._r = 0, .v = {.ui = value}}; }
pv_param wide(const char* field, std::uint64_t value) { return {.field = field, .type = PV_PARAM_ULLONG, ._r = 0, .v = {.ul = value}}; }

Domain guest(std::uint32_t current, std::uint32_t max) {
    Domain d;
    d.vcpu.max = max;
    if (current != max) d.vcpu.current = current;
    return d;
}
std::string online(const Domain& d) {
    std::string all;
    for (std::uint32_t i = 0; i < max_vcpus(d); ++i) all += is_online(d, i) ? '1' : '0';
    return all;
}

TEST(TuneParams, limits_of_memory_beyond_what_the_api_can_say_are_none) {
    Memtune tune;
    const pv_param first[] = {wide("hard_limit", 5000), wide("soft_limit", kUnlimitedKib)};
    ASSERT_TRUE(take_memory(first, tune));
    EXPECT_EQ(tune.hard_limit, 5000U);
    EXPECT_FALSE(tune.soft_limit);
    const pv_param low[] = {wide("swap_hard_limit", 4000)};
    EXPECT_EQ(take_memory(low, tune).error().code, ErrorCode::invalid_arg);
    const pv_param unknown[] = {wide("nosuch", 1)};
    EXPECT_EQ(take_memory(unknown, tune).error().code, ErrorCode::argument_unsupported);
    const pv_param type[] = {natural("hard_limit", 1)};
    EXPECT_EQ(take_memory(type, tune).error().code, ErrorCode::invalid_arg);
}

TEST(TuneParams, columns_of_devices_are_merged_by_path) {
    Blkiotune tune;
    const pv_param first[] = {text("device_weight", "/dev/sda,500,/dev/sdb,700"), text("device_read_bytes_sec", "/dev/sda,5000000000")};
    ASSERT_TRUE(take_blkio(first, tune));
    ASSERT_EQ(tune.devices.size(), 2U);
    EXPECT_EQ(tune.devices[0].weight, 500U);
    EXPECT_EQ(tune.devices[0].read_bytes_sec, 5'000'000'000U);
    const pv_param second[] = {text("device_weight", "/dev/sdb,0"), text("device_write_iops_sec", "")};
    ASSERT_TRUE(take_blkio(second, tune));
    EXPECT_EQ(tune.devices.size(), 1U);
    for (const char* wrong : {"/dev/sda", "/dev/sda,x", "/dev/sda,5x", ",5", "/dev/sda,99999999999"}) {
        const pv_param param[] = {text("device_weight", wrong)};
        EXPECT_FALSE(take_blkio(param, tune)) << wrong;
    }
}

TEST(TuneParams, numa_modes_and_nodes) {
    NumaMemory tune;
    const pv_param good[] = {whole("numa_mode", 3), text("numa_nodeset", "0-1,^1")};
    ASSERT_TRUE(take_numa(good, tune, ErrorDomain::qemu));
    EXPECT_EQ(tune.mode, "restrictive");
    EXPECT_EQ(tune.nodeset.to_string(), "0");
    for (const pv_param wrong : {whole("numa_mode", 9), whole("numa_mode", -1), text("numa_nodeset", ""), text("numa_nodeset", "x"), natural("numa_mode", 1)})
        EXPECT_FALSE(take_numa({&wrong, 1}, tune, ErrorDomain::qemu));
}

TEST(TuneParams, a_peak_without_an_average_is_no_limit) {
    network::Bandwidth bandwidth;
    const pv_param peak[] = {natural("inbound.peak", 200), natural("outbound.average", 100)};
    ASSERT_TRUE(take_bandwidth(peak, bandwidth));
    EXPECT_FALSE(bandwidth.inbound);
    ASSERT_TRUE(bandwidth.outbound);
    const pv_param none[] = {natural("outbound.average", 0)};
    ASSERT_TRUE(take_bandwidth(none, bandwidth));
    EXPECT_FALSE(bandwidth.outbound);
}

TEST(TuneParams, polling_factors_come_in_either_width) {
    IoThread thread;
    const pv_param params[] = {natural("poll_grow", 2), wide("poll_shrink", 3), wide("poll_max_ns", 0), whole("thread_pool_max", 8)};
    ASSERT_TRUE(take_iothread(params, thread));
    EXPECT_EQ(thread.poll.grow, 2U);
    EXPECT_EQ(thread.poll.shrink, 3U);
    EXPECT_EQ(thread.poll.max, 0U);
    EXPECT_EQ(thread.thread_pool_max, 8);
}

TEST(Vcpus, are_counted_where_they_are_not_listed) {
    Domain d = guest(2, 4);
    EXPECT_EQ(online(d), "1100");
    set_online_vcpus(d, 3);
    EXPECT_EQ(online(d), "1110");
    EXPECT_TRUE(d.vcpus.empty());
    set_online_vcpus(d, 4);
    EXPECT_FALSE(d.vcpu.current);
    set_max_vcpus(d, 2);
    EXPECT_EQ(online(d), "11");
    set_max_vcpus(d, 4);
    EXPECT_EQ(online(d), "1100");
}

TEST(Vcpus, that_are_listed_go_from_the_end_and_come_from_the_start) {
    Domain d = guest(1, 4);
    set_vcpu_online(d, 2, true);
    EXPECT_EQ(online(d), "1010");
    EXPECT_EQ(d.vcpu.current, 2U);
    EXPECT_EQ(d.vcpus[2].hotpluggable, YesNo::yes);
    set_online_vcpus(d, 3);
    EXPECT_EQ(online(d), "1110");
    EXPECT_EQ(d.vcpus[1].hotpluggable, YesNo::no);
    set_online_vcpus(d, 1);
    EXPECT_EQ(online(d), "1000");
    set_max_vcpus(d, 6);
    EXPECT_EQ(online(d), "100000");
    set_max_vcpus(d, 2);
    EXPECT_EQ(d.vcpus.size(), 2U);
}

TEST(Vcpus, that_others_stand_on_cannot_be_switched) {
    Domain d = guest(2, 4);
    EXPECT_FALSE(check_vcpu_switch(d, *CpuSet::parse("0"), ErrorDomain::qemu));
    EXPECT_FALSE(check_vcpu_switch(d, *CpuSet::parse("9"), ErrorDomain::qemu));
    EXPECT_TRUE(check_vcpu_switch(d, *CpuSet::parse("1"), ErrorDomain::qemu));
    EXPECT_TRUE(check_vcpu_switch(d, *CpuSet::parse("3"), ErrorDomain::qemu));
    d = guest(3, 4);
    EXPECT_FALSE(check_vcpu_switch(d, *CpuSet::parse("1"), ErrorDomain::qemu));
    EXPECT_TRUE(check_vcpu_switch(d, *CpuSet::parse("1-2"), ErrorDomain::qemu));
}

TEST(Pins, stand_in_order_and_fall_back_to_the_whole_domains) {
    Domain d = guest(2, 4);
    d.vcpu.cpuset = *CpuSet::parse("0-3");
    set_vcpu_pin(d, 2, *CpuSet::parse("1"));
    set_vcpu_pin(d, 0, *CpuSet::parse("2"));
    set_vcpu_pin(d, 2, *CpuSet::parse("3"));
    ASSERT_EQ(d.cputune->vcpupins.size(), 2U);
    EXPECT_EQ(d.cputune->vcpupins[0].vcpu, 0U);
    EXPECT_EQ(vcpu_pin(d, 2).to_string(), "3");
    EXPECT_EQ(vcpu_pin(d, 1).to_string(), "0-3");
    EXPECT_EQ(emulator_pin(d).to_string(), "0-3");
    set_emulator_pin(d, *CpuSet::parse("1"));
    EXPECT_EQ(emulator_pin(d).to_string(), "1");
}

TEST(Pins, of_a_thread_go_with_it) {
    Domain d;
    domain::add_iothread(d, 3);
    domain::add_iothread(d, 7);
    EXPECT_EQ(d.iothreads, 2U);
    set_iothread_pin(d, 3, *CpuSet::parse("0"));
    domain::del_iothread(d, 3);
    EXPECT_EQ(d.iothreads, 1U);
    EXPECT_FALSE(d.cputune);
    domain::del_iothread(d, 7);
    EXPECT_FALSE(d.iothreads);
}

} // namespace
} // namespace polyvirt::sdk
