// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/monitor_filter.h"

#include <gtest/gtest.h>

namespace polyvirt::dispatch {
namespace {

constexpr std::uint32_t kRegex = 1, kAnyCase = 2;

bool matches(std::optional<std::string_view> text, std::uint32_t flags, std::string_view name) {
    const auto filter = MonitorFilter::create(text, flags);
    EXPECT_TRUE(filter);
    return filter && (*filter)->matches(name);
}

TEST(MonitorFilter, without_a_text_wants_everything) {
    EXPECT_TRUE(matches(std::nullopt, 0, "STOP"));
    EXPECT_TRUE(matches(std::nullopt, kRegex | kAnyCase, ""));
}

TEST(MonitorFilter, wants_the_whole_name) {
    EXPECT_TRUE(matches("STOP", 0, "STOP"));
    EXPECT_FALSE(matches("STOP", 0, "STOPPED"));
    EXPECT_FALSE(matches("STOP", 0, "stop"));
    EXPECT_TRUE(matches("stop", kAnyCase, "STOP"));
    EXPECT_FALSE(matches("stop", kAnyCase, "STO"));
}

TEST(MonitorFilter, wants_what_a_pattern_finds_anywhere) {
    EXPECT_TRUE(matches("JOB_", kRegex, "BLOCK_JOB_READY"));
    EXPECT_FALSE(matches("^JOB_", kRegex, "BLOCK_JOB_READY"));
    EXPECT_TRUE(matches("job_", kRegex | kAnyCase, "BLOCK_JOB_READY"));
    EXPECT_FALSE(matches("job_", kRegex, "BLOCK_JOB_READY"));
}

TEST(MonitorFilter, gives_up_on_a_pattern_that_takes_long) {
    EXPECT_FALSE(matches("^(a+)+$", kRegex, std::string(200, 'a') + "b"));
    EXPECT_FALSE(matches("(x+x+)+y", kRegex, std::string(500, 'x')));
}

TEST(MonitorFilter, refuses_what_is_no_pattern) {
    for (const std::string& text : {std::string("("), std::string(2000, 'x'), std::string("((((((a{1,999}){1,999}){1,999}){1,999})))"),
                                    std::string(1000, '(')}) {
        const auto filter = MonitorFilter::create(text, kRegex);
        ASSERT_FALSE(filter) << text;
        EXPECT_EQ(filter.error().code, ErrorCode::invalid_arg);
    }
}

TEST(MonitorFilter, refuses_flags_that_there_are_not) {
    const auto filter = MonitorFilter::create("x", 4);
    ASSERT_FALSE(filter);
    EXPECT_EQ(filter.error().message, "unsupported flags (0x4) in function virDomainQemuMonitorEventStateRegisterID");
}

} // namespace
} // namespace polyvirt::dispatch
