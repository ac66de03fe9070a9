// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/program.h"

#include <sys/wait.h>

#include "tests/unit/sdk/services_fixture.h"

namespace polyvirt::sdk {
namespace {

using ::testing::HasSubstr;

class ProgramRuns : public ServicesTest {
  protected:
    void SetUp() override {
        ServicesTest::SetUp();
        loop = plugin::Loop(services, PV_LOOP_SHARED, "t");
        programs = std::make_unique<Programs>(services, loop);
    }
    void TearDown() override {
        programs.reset();
        loop.reset();
        ServicesTest::TearDown();
    }
    static Task<Result<ProgramEnd>> wait(Programs* programs, std::vector<std::string> argv, ProgramLimits limits, Programs::Stop* stop) {
        plugin::Command command(std::move(argv));
        co_return co_await programs->run(std::move(command), std::move(limits), stop);
    }
    // Fills `ended` when it does.
    void begin(std::vector<std::string> argv, ProgramLimits limits = {}, Programs::Stop* stop = nullptr) {
        start(wait(programs.get(), std::move(argv), std::move(limits), stop), [this](Result<ProgramEnd> end) {
            const LeafLock lock(mu);
            ended.emplace(std::move(end));
        });
    }
    Result<ProgramEnd> end() {
        EXPECT_TRUE(plugin::eventually([&] {
            const LeafLock lock(mu);
            return ended.has_value();
        }));
        const LeafLock lock(mu);
        return ended ? *ended : Result<ProgramEnd>(Error{});
    }

    plugin::Loop loop;
    std::unique_ptr<Programs> programs;
    Mutex mu{Rank::leaf};
    std::optional<Result<ProgramEnd>> ended;
};

TEST_F(ProgramRuns, give_what_they_say) {
    begin({"/bin/sh", "-c", "echo out; echo err >&2; exit 3"});
    const auto result = end();
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->out, "out\n");
    EXPECT_EQ(result->err, "err\n");
    EXPECT_EQ(WEXITSTATUS(result->wait_status), 3);
}

TEST_F(ProgramRuns, cannot_say_more_than_there_is_room_for) {
    begin({"/bin/sh", "-c", "head -c 10000 /dev/zero; true"}, {.max_out = 100});
    const auto result = end();
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_LE(result->out.size(), 100U);
}

TEST_F(ProgramRuns, that_do_not_end_are_ended_and_counted_until_they_have) {
    const Lingering lingering = make_lingering();
    begin({"/bin/sleep", "600"}, {.deadline_ns = 1'000'000, .lingering = lingering});
    const auto result = end();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::operation_timeout);
    EXPECT_TRUE(plugin::eventually([&] { return *lingering == 0; }));
}

TEST_F(ProgramRuns, can_be_stopped) {
    Programs::Stop stop;
    begin({"/bin/sleep", "600"}, {}, &stop);
    stop(Error{.code = ErrorCode::operation_aborted, .message = "enough"});
    const auto result = end();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "enough");
    stop(Error{.message = "again"}); // nothing
}

TEST_F(ProgramRuns, end_with_the_driver) {
    begin({"/bin/sleep", "600"});
    programs->stop();
    EXPECT_EQ(end().error().code, ErrorCode::operation_aborted);
    ended.reset();
    begin({"/bin/true"});
    EXPECT_THAT(end().error().message, HasSubstr("driver stops"));
}

TEST_F(ProgramRuns, that_are_not_there_are_an_error) {
    begin({"/nonexistent/x"});
    EXPECT_THAT(end().error().message, HasSubstr("/nonexistent/x"));
}

} // namespace
} // namespace polyvirt::sdk
