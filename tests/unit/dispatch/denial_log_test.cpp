// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/denial_log.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"

namespace polyvirt::dispatch {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class DenialLogTest : public ::testing::Test {
  protected:
    void SetUp() override {
        log::set_sink([](void* lines, log::Level, std::string_view, std::string_view text) {
            static_cast<std::vector<std::string>*>(lines)->emplace_back(text);
        }, &lines_);
    }
    void TearDown() override {
        log::set_sink([](void*, log::Level, std::string_view, std::string_view) {}, nullptr);
    }
    void deny(const std::string& reason) { denials_.log(3, who_, "domain_create", reason, now_); }

    std::vector<std::string> lines_;
    DenialLog denials_;
    access::Subject who_;
    DenialLog::Clock::time_point now_ = DenialLog::Clock::now();
};

TEST_F(DenialLogTest, same_refusal_is_logged_once) {
    who_.uid = 1000;
    for (int i = 0; i < 3; ++i) deny("rule 'r' denies domain.start on domain 'a'");
    ASSERT_EQ(lines_.size(), 1U);
    EXPECT_EQ(lines_[0],
              "client 3 (uid 1000) was refused domain_create: rule 'r' denies domain.start on domain 'a'");
}

TEST_F(DenialLogTest, many_refusals_are_counted_and_told_later) {
    for (unsigned i = 0; i < DenialLog::kLinesAMinute + 5; ++i) deny("reason " + std::to_string(i));
    EXPECT_EQ(lines_.size(), DenialLog::kLinesAMinute);
    now_ += 61s;
    deny("a late one");
    ASSERT_EQ(lines_.size(), DenialLog::kLinesAMinute + 1);
    EXPECT_THAT(lines_.back(), HasSubstr("5 refusals before that were not logged"));
}

} // namespace
} // namespace polyvirt::dispatch
