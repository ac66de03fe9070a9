// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "base/log.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/assert.h"

namespace polyvirt {
namespace {

class LogTest : public testing::Test {
  public:
    LogTest() {
        log::set_sink(
            [](void* context, log::Level level, std::string_view category, std::string_view text) {
                static_cast<LogTest*>(context)->lines_.push_back(
                    fmt::format("{} {} {}", static_cast<int>(level), category, text));
            },
            this);
    }
    ~LogTest() override {
        log::set_sink(nullptr, nullptr);
        log::set_level(log::Level::info);
    }

  protected:
    std::vector<std::string> lines_;
};

TEST_F(LogTest, lines_reach_the_sink_with_level_and_category) {
    log::warning("rpc", "client {}: {} bytes", 7, 12);
    log::error("work", "no thread");
    EXPECT_EQ(lines_, (std::vector<std::string>{"3 rpc client 7: 12 bytes", "4 work no thread"}));
}

TEST_F(LogTest, what_is_below_the_level_is_dropped) {
    log::debug("a", "x");
    EXPECT_TRUE(lines_.empty());
    log::set_level(log::Level::debug);
    log::debug("a", "x");
    EXPECT_EQ(lines_.size(), 1U);
    log::set_level(log::Level::error);
    log::warning("a", "x");
    EXPECT_EQ(lines_.size(), 1U);
}

TEST_F(LogTest, a_bug_is_counted_and_told_and_the_program_lives) {
    const auto before = bug_count();
    EXPECT_FALSE(PV_BUG(1 + 1 == 3));
    EXPECT_TRUE(lines_.empty());
    EXPECT_TRUE(PV_BUG(1 + 1 == 2));
    EXPECT_EQ(bug_count(), before + 1);
    ASSERT_EQ(lines_.size(), 1U);
    EXPECT_NE(lines_[0].find("1 + 1 == 2"), std::string::npos);
}

TEST(AssertDeathTest, a_failed_assertion_names_itself_and_aborts) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    PV_ASSERT(2 > 1);
    EXPECT_DEATH(PV_ASSERT(1 > 2), "log_test.cpp:[0-9]+: assertion failed: 1 > 2");
}

} // namespace
} // namespace polyvirt
