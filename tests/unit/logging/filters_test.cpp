// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/logging/filters.h"

#include <thread>

#include <gmock/gmock.h>

namespace polyvirt::logging {
namespace {

using log::Level;
using testing::HasSubstr;

Filters parsed(std::string_view text) {
    auto filters = Filters::parse(text, Level::info);
    EXPECT_TRUE(filters) << text;
    return filters ? *filters : Filters();
}

std::string filter_complaint(std::string_view text) {
    const auto filters = Filters::parse(text, Level::info);
    EXPECT_FALSE(filters) << text;
    return filters ? "" : filters.error().message;
}

TEST(Filters, a_category_has_the_level_of_the_first_filter_that_matches) {
    const Filters filters = parsed("1:qemu 4:rpc 3:rpc.listener 2:*");
    EXPECT_EQ(filters.threshold("qemu"), Level::debug);
    EXPECT_EQ(filters.threshold("qemu.monitor"), Level::debug);
    EXPECT_EQ(filters.threshold("rpc.listener"), Level::error);
    EXPECT_EQ(filters.threshold("loop"), Level::info);
    EXPECT_EQ(filters.lowest(), Level::debug);
}

TEST(Filters, other_categories_have_the_level_of_the_log) {
    EXPECT_EQ(Filters::parse("1:qemu", Level::warning)->threshold("rpc"), Level::warning);
    EXPECT_EQ(Filters::parse("", Level::warning)->threshold("rpc"), Level::warning);
}

TEST(Filters, they_are_shown_as_the_peer_shows_them) {
    EXPECT_EQ(parsed("1:qemu 3:rpc").text(), "1:*qemu* 3:*rpc*");
    EXPECT_EQ(parsed("  2:a   3:b ").text(), "2:*a* 3:*b*");
    EXPECT_EQ(parsed("1:qemu 2:qemu").count(), 2U);
    EXPECT_EQ(parsed("1:+qemu").text(), "1:*qemu*");
    EXPECT_EQ(parsed("1:qe*mu").text(), "1:*qe*mu*");
    EXPECT_EQ(parsed("").text(), "");
}

TEST(Filters, what_is_shown_says_the_same_again) {
    for (const char* text : {"1:qemu 3:rpc", "1:*", "2:a?c*"}) EXPECT_EQ(parsed(parsed(text).text()).text(), parsed(text).text());
    EXPECT_EQ(parsed("1:*").text(), "1:*");
}

TEST(Filters, wrong_ones_are_told) {
    EXPECT_THAT(filter_complaint("1:ok 5:qemu"), HasSubstr("Invalid priority '5' for filter '5:qemu', expected 1 (debug)"));
    EXPECT_THAT(filter_complaint("0:qemu"), HasSubstr("Invalid priority '0'"));
    EXPECT_THAT(filter_complaint("11:qemu"), HasSubstr("Invalid priority '11'"));
    EXPECT_THAT(filter_complaint("qemu"), HasSubstr("Malformed format for filter 'qemu', expected LEVEL:NAME"));
    EXPECT_THAT(filter_complaint("1:"), HasSubstr("Invalid match string ''"));
    EXPECT_THAT(filter_complaint(std::string(20'000, 'x')), HasSubstr("20000 bytes, at most"));
    std::string many;
    for (int i = 0; i < 300; ++i) many += "1:a ";
    EXPECT_THAT(filter_complaint(many), HasSubstr("300 log filters, at most"));
}

TEST(Filters, long_categories_and_names_do_no_harm) {
    const Filters filters = parsed("1:" + std::string(1000, 'q'));
    EXPECT_EQ(filters.threshold(std::string(5000, 'q')), Level::info); // its first 127 bytes count
}

TEST(LiveFilters, readers_go_on_while_they_are_replaced) {
    LiveFilters live;
    std::atomic<bool> stop{false};
    std::atomic<unsigned> rounds{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i)
        readers.emplace_back([&] {
            while (!stop.load()) {
                EXPECT_TRUE(live.wants(Level::error, "a"));
                (void)live.wants(Level::debug, "a");
                rounds.fetch_add(1);
            }
        });
    while (rounds.load() < 10) std::this_thread::yield();
    for (int i = 0; i < 500; ++i)
        live.replace(std::make_unique<const Filters>(parsed(i % 2 == 0 ? "1:a" : "4:a 1:b")));
    stop.store(true);
    for (std::thread& reader : readers) reader.join();
    EXPECT_FALSE(live.wants(Level::warning, "a"));
}

} // namespace
} // namespace polyvirt::logging
