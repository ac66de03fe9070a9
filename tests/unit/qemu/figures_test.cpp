// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What emulators and /proc say, as figures.

#include <gtest/gtest.h>

#include <polyvirt/abi/gen/constants.h>

#include "sdk/guests/figures.h"
#include "sdk/traffic.h"
#include "stats/figures.h"
#include "stats/proc.h"
#include "tune/threads.h"

namespace polyvirt::qemu {
namespace {

TEST(GuestStats, what_the_guest_has_not_told_is_left_out) {
    const Json reply = Json::parse(R"({"stats": {"stat-swap-in": 2048, "stat-free-memory": 18446744073709551615, "stat-htlb-pgalloc": -1,
        "stat-minor-faults": 7, "stat-total-memory": "x"}, "last-update": 12})");
    const auto stats = read_guest_stats(reply);
    const std::vector<std::pair<std::int32_t, std::uint64_t>> expected = {
        {PV_DOMAIN_MEMORY_STAT_SWAP_IN, 2}, {PV_DOMAIN_MEMORY_STAT_MINOR_FAULT, 7}, {PV_DOMAIN_MEMORY_STAT_LAST_UPDATE, 12}};
    EXPECT_EQ(stats, expected);
    for (const char* odd : {"null", "[]", "5", R"({"stats": 5})", R"({"stats": {"stat-swap-in": 1.5}})"}) EXPECT_TRUE(read_guest_stats(Json::parse(odd)).empty()) << odd;
}

TEST(DirtyRate, states_and_modes) {
    const DirtyRate rate = read_dirty_rate(Json::parse(R"({"status": "measured", "start-time": 5, "calc-time": 1, "mode": "dirty-ring", "dirty-rate": 22,
        "vcpu-dirty-rate": [{"id": 0, "dirty-rate": 3}, {"id": -1, "dirty-rate": 3}, 7]})"));
    EXPECT_EQ(rate.status, 2);
    EXPECT_EQ(rate.megabytes_per_second, 22);
    ASSERT_EQ(rate.vcpus.size(), 1U);
    EXPECT_EQ(rate.vcpus[0].second, 3);
    EXPECT_EQ(read_dirty_rate(Json()).status, 0);
}

TEST(VcpuThreads, are_read_in_order_and_know_their_device) {
    const auto threads = read_vcpu_threads(Json::parse(R"([
        {"cpu-index": 1, "thread-id": 12, "qom-path": "/machine/peripheral/vcpu1"},
        {"cpu-index": 0, "thread-id": 11, "qom-path": "/machine/unattached/device[0]"}])"));
    ASSERT_TRUE(threads);
    EXPECT_EQ((*threads)[0].tid, 11);
    EXPECT_EQ((*threads)[0].alias, "");
    EXPECT_EQ((*threads)[1].alias, "vcpu1");
    for (const char* odd : {"{}", "[5]", R"([{"cpu-index": 0}])", R"([{"cpu-index": -1, "thread-id": 5}])", R"([{"cpu-index": 0, "thread-id": 0}])"})
        EXPECT_FALSE(read_vcpu_threads(Json::parse(odd))) << odd;
}

TEST(VcpuPlaces, are_numbered_by_where_they_are) {
    const auto places = read_places(Json::parse(R"([
        {"type": "c", "vcpus-count": 2, "props": {"socket-id": 1, "core-id": 0}},
        {"type": "c", "vcpus-count": 2, "props": {"socket-id": 0, "core-id": 0}, "qom-path": "/machine/unattached/device[0]"}])"));
    ASSERT_TRUE(places);
    EXPECT_EQ((*places)[0].vcpu, 0U);
    EXPECT_FALSE((*places)[0].path.empty());
    EXPECT_EQ((*places)[1].vcpu, 2U);
    EXPECT_EQ((*places)[1].props["socket-id"], 1);
    EXPECT_FALSE(read_places(Json::parse(R"([{"type": "c", "vcpus-count": 0, "props": {}}])")));
}

TEST(IoThreads, of_other_names_are_not_ours) {
    const auto threads = read_iothreads(Json::parse(R"([
        {"id": "iothread2", "thread-id": 5, "poll-max-ns": 32768, "poll-grow": 0, "poll-shrink": -3},
        {"id": "mine", "thread-id": 6}, {"id": "iothreadx", "thread-id": 7}])"));
    ASSERT_TRUE(threads);
    ASSERT_EQ(threads->size(), 1U);
    EXPECT_EQ((*threads)[0].id, 2U);
    EXPECT_EQ((*threads)[0].poll_max, 32'768U);
    EXPECT_EQ((*threads)[0].poll_shrink, 0U);
}

TEST(ProcStat, names_may_hold_anything) {
    std::string fields = "17 (a) (b c) S 1 1 1 0 -1 4194560 100 0 0 0 5 7 0 0 20 0 1 0 100 1000000 250";
    for (int i = 25; i < 39; ++i) fields += " 0";
    fields += " 3 0 0";
    const auto times = parse_stat(fields);
    ASSERT_TRUE(times);
    EXPECT_EQ(times->processor, 3);
    EXPECT_GT(times->system, times->user);
    EXPECT_GT(times->resident_kib, 0U);
    EXPECT_FALSE(parse_stat("17 (x) S 1"));
    EXPECT_FALSE(parse_stat(""));
}

TEST(NetDev, counters_are_turned_round_for_the_guest) {
    const auto all = parse_net_dev("Inter-|   Receive\n face |bytes\n  vnet0: 10 1 2 3 0 0 0 0 20 4 5 6 0 0 0 0\nbr0:0:7 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
    ASSERT_EQ(all.count("vnet0"), 1U);
    EXPECT_EQ(all.at("br0:0").rx_bytes, 7U);
    sdk::domain::Interface tap, macvtap;
    tap.type = sdk::domain::InterfaceType::bridge;
    macvtap.type = sdk::domain::InterfaceType::direct;
    EXPECT_EQ(sdk::as_guest(all.at("vnet0"), tap).rx_bytes, 20U);
    EXPECT_EQ(sdk::as_guest(all.at("vnet0"), macvtap).rx_bytes, 10U);
    EXPECT_EQ(sdk::as_guest(all.at("vnet0"), tap).tx_drop, 3U);
}

TEST(Traffic, a_macvtap_is_seen_from_the_guests_side) {
    sdk::domain::Interface card;
    card.bandwidth = sdk::network::Bandwidth{};
    card.bandwidth->inbound = sdk::network::BandwidthRate{.average = 100, .peak = {}, .burst = {}, .floor = {}};
    card.type = sdk::domain::InterfaceType::bridge;
    EXPECT_EQ(sdk::as_link(card).inbound->average, 100U);
    card.type = sdk::domain::InterfaceType::direct;
    EXPECT_FALSE(sdk::as_link(card).inbound);
    EXPECT_EQ(sdk::as_link(card).outbound->average, 100U);
}

TEST(Traffic, limits_become_commands) {
    sdk::network::Bandwidth bandwidth;
    EXPECT_TRUE(sdk::traffic_commands("vnet0", bandwidth).empty());
    bandwidth.inbound = sdk::network::BandwidthRate{.average = 100, .peak = 200, .burst = 50, .floor = {}};
    bandwidth.outbound = sdk::network::BandwidthRate{.average = 77, .peak = {}, .burst = {}, .floor = {}};
    const auto commands = sdk::traffic_commands("vnet0", bandwidth);
    ASSERT_EQ(commands.size(), 5U);
    EXPECT_EQ(commands[1], (std::vector<std::string>{"class", "add", "dev", "vnet0", "parent", "1:", "classid", "1:1", "htb", "rate", "100kbps",
                                                     "ceil", "200kbps", "burst", "50kb"}));
    EXPECT_EQ(commands[4][16], "burst");
    EXPECT_EQ(commands[4][17], "77kb");
}

} // namespace
} // namespace polyvirt::qemu
