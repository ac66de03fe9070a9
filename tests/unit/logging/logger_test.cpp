// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/logging/logger.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <unistd.h>

#include <gmock/gmock.h>

namespace polyvirt::logging {
namespace {

using namespace std::chrono_literals;
using log::Level;
using testing::HasSubstr;
using testing::Not;

class LoggerTest : public testing::Test {
  protected:
    LoggerTest() {
        std::string name = (std::filesystem::temp_directory_path() / "polyvirt-log-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
        EXPECT_TRUE(logger_.configure({.outputs = "1:file:" + path("log")}));
        logger_.start();
    }
    ~LoggerTest() override {
        logger_.stop(60s);
        log::set_sink(nullptr, nullptr);
        log::set_level(Level::info);
        std::filesystem::remove_all(folder_);
    }
    [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
    std::string text(const std::string& name = "log") {
        EXPECT_TRUE(logger_.flush(60s));
        std::stringstream out;
        out << std::ifstream(path(name)).rdbuf();
        return out.str();
    }

    std::filesystem::path folder_;
    Logger logger_;
};

TEST_F(LoggerTest, lines_arrive_in_order) {
    for (int i = 0; i < 1000; ++i) log::info("a", "line {}", i);
    const std::string all = text();
    std::size_t at = 0;
    for (int i = 0; i < 1000 && at != std::string::npos; ++i) at = all.find(fmt::format(" a: line {}\n", i), at);
    EXPECT_NE(at, std::string::npos);
}

TEST_F(LoggerTest, lines_of_many_threads_are_whole) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([t] {
            for (int i = 0; i < 500; ++i) log::info("a", "thread {} says {} and {}", t, i, std::string(200, 'x'));
        });
    for (std::thread& thread : threads) thread.join();
    std::istringstream in(text());
    int lines = 0;
    for (std::string line; std::getline(in, line); ++lines) EXPECT_THAT(line, testing::EndsWith("xx"));
    EXPECT_EQ(lines + static_cast<int>(logger_.lost()), 2000);
}

TEST_F(LoggerTest, filters_change_what_is_logged_at_once) {
    log::debug("qemu.monitor", "before");
    EXPECT_TRUE(logger_.set_filters("1:qemu 4:rpc"));
    log::debug("qemu.monitor", "during");
    log::info("rpc", "hidden");
    log::debug("loop", "below");
    EXPECT_EQ(logger_.filters().text, "1:*qemu* 4:*rpc*");
    EXPECT_EQ(logger_.filters().count, 2U);
    EXPECT_TRUE(logger_.set_filters(""));
    log::debug("qemu.monitor", "after");
    EXPECT_THAT(text(), testing::AllOf(Not(HasSubstr("before")), HasSubstr("qemu.monitor: during"), Not(HasSubstr("hidden")),
                                       Not(HasSubstr("below")), Not(HasSubstr("after"))));
}

TEST_F(LoggerTest, the_level_changes_what_no_filter_names) {
    EXPECT_TRUE(logger_.set_filters("4:rpc"));
    logger_.set_level(Level::debug);
    log::debug("loop", "shown");
    log::warning("rpc", "hidden");
    EXPECT_EQ(logger_.level(), Level::debug);
    EXPECT_THAT(text(), testing::AllOf(HasSubstr("shown"), Not(HasSubstr("hidden"))));
}

TEST_F(LoggerTest, outputs_change_where_lines_go) {
    log::info("a", "first");
    EXPECT_TRUE(logger_.flush(60s));
    EXPECT_TRUE(logger_.set_outputs("3:file:" + path("b") + " 1:file:" + path("c")));
    log::info("a", "second");
    log::warning("a", "third");
    EXPECT_EQ(logger_.outputs().text, "3:file:" + path("b") + " 1:file:" + path("c"));
    EXPECT_EQ(logger_.outputs().count, 2U);
    EXPECT_THAT(text("log"), testing::AllOf(HasSubstr("first"), Not(HasSubstr("second"))));
    EXPECT_THAT(text("b"), testing::AllOf(Not(HasSubstr("second")), HasSubstr("third")));
    EXPECT_THAT(text("c"), testing::AllOf(HasSubstr("second"), HasSubstr("third")));
    EXPECT_TRUE(logger_.set_outputs("")); // as configured
    EXPECT_EQ(logger_.outputs().text, "1:file:" + path("log"));
}

TEST_F(LoggerTest, what_is_wrong_changes_nothing) {
    EXPECT_TRUE(logger_.set_filters("2:a"));
    EXPECT_FALSE(logger_.set_filters("1:b 7:c"));
    EXPECT_FALSE(logger_.set_outputs("1:file:" + path("b") + " 1:nowhere"));
    EXPECT_FALSE(logger_.set_outputs("1:file:" + path("none/b")));
    EXPECT_FALSE(logger_.configure({.filters = "x", .outputs = "1:stderr"}));
    EXPECT_EQ(logger_.filters().text, "2:*a*");
    EXPECT_EQ(logger_.outputs().text, "1:file:" + path("log"));
}

TEST_F(LoggerTest, files_are_opened_anew) {
    log::info("a", "old");
    EXPECT_TRUE(logger_.flush(60s));
    std::filesystem::rename(path("log"), path("log.1"));
    logger_.reopen();
    log::info("a", "new");
    EXPECT_THAT(text(), HasSubstr("new"));
    EXPECT_THAT(text("log.1"), Not(HasSubstr("new")));
}

TEST_F(LoggerTest, lines_may_be_logged_under_any_lock) {
    Mutex leaf(Rank::leaf);
    {
        LeafLock lock(leaf);
        log::info("a", "under a leaf");
    }
    EXPECT_THAT(text(), HasSubstr("under a leaf"));
}

TEST(LineQueue, a_full_one_loses_and_counts) {
    LineQueue queue(10'000);
    int taken = 0;
    for (int i = 0; i < 100; ++i)
        if (queue.push(std::make_unique<Line>(Level::info, "a", std::string(500, 'x')))) ++taken;
    EXPECT_GT(taken, 5);
    EXPECT_LT(taken, 20);
    EXPECT_EQ(queue.take_lost(), static_cast<std::uint64_t>(100 - taken));
    EXPECT_TRUE(queue.push(std::make_unique<Line>(Line::Kind::stop)));
    for (Line* line = queue.take_all(); line != nullptr;) {
        queue.done(line->size());
        delete std::exchange(line, line->next);
    }
    EXPECT_TRUE(queue.push(std::make_unique<Line>(Level::info, "a", "room again")));
}

TEST(CallScope, the_call_before_is_back_at_the_end) {
    EXPECT_FALSE(current_call());
    const CallScope outer({.server = 'c', .client = 1, .serial = 2, .procedure = "a"});
    {
        const CallScope inner({.server = 'a', .client = 3, .serial = 4, .procedure = "b"});
        EXPECT_EQ(current_call().client, 3U);
    }
    EXPECT_EQ(current_call().client, 1U);
}

} // namespace
} // namespace polyvirt::logging
