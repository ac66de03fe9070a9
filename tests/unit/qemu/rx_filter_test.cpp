// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What a trusted guest's card receives, as the emulator tells it and as the kernel has it.
#include "net/rx_filter.h"

#include <gtest/gtest.h>

namespace polyvirt::qemu {
namespace {

using sdk::xml::Mac;

Result<RxFilter> told(std::string_view members) {
    return rx_filter_of(nlohmann::json::parse("[{\"name\":\"net0\"," + std::string(members) + "}]"));
}

TEST(RxFilter, is_what_the_emulator_says) {
    const auto filter = told(R"("main-mac":"52:54:00:00:00:07","promiscuous":false,"multicast":"normal","multicast-overflow":false,
                                "multicast-table":["01:00:5e:00:00:01","33:33:00:00:00:01",7,"rubbish"])");
    ASSERT_TRUE(filter) << filter.error().message;
    EXPECT_EQ(filter->mac, Mac::parse("52:54:00:00:00:07"));
    EXPECT_EQ(filter->groups, (std::set<Mac>{*Mac::parse("01:00:5e:00:00:01"), *Mac::parse("33:33:00:00:00:01")}));
    EXPECT_TRUE(filter->multicast);
    EXPECT_FALSE(filter->all_multicast || filter->promiscuous);
}

TEST(RxFilter, of_more_groups_than_a_card_knows_is_all_of_them) {
    EXPECT_TRUE(told(R"("multicast":"normal","multicast-overflow":true)")->all_multicast);
    EXPECT_TRUE(told(R"("multicast":"all")")->all_multicast);
    EXPECT_FALSE(told(R"("multicast":"none")")->multicast);
    EXPECT_TRUE(told(R"("promiscuous":true)")->promiscuous);
}

TEST(RxFilter, that_is_none_is_told) {
    for (const char* reply : {"[]", "{}", "null", "[7]", "[{},{}]"}) EXPECT_FALSE(rx_filter_of(nlohmann::json::parse(reply))) << reply;
}

TEST(RxFilter, groups_that_the_kernel_joined_itself_are_not_ours) {
    const char* const text = "7    macvtap0        2     0     333300000001\n"
                             "7    macvtap0        1     1     01005e0000fb\n"
                             "8    macvtap1        1     1     01005e0000fc\n"
                             "7    macvtap0        1     1     01005e\nrubbish\n";
    EXPECT_EQ(groups_of(text, "macvtap0"), (std::set<Mac>{*Mac::parse("01:00:5e:00:00:fb")}));
    EXPECT_TRUE(groups_of("", "macvtap0").empty());
}

} // namespace
} // namespace polyvirt::qemu
