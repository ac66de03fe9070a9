// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/task.h"

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace polyvirt::sdk {
namespace {

// Answers when it is told to.
class Oracle {
  public:
    Async<Result<int>> ask(int value) {
        return Async<Result<int>>([this, value](const Answer<Result<int>>& answer) { asked_.push_back({value, answer}); });
    }
    void answer_from_another_thread() {
        Asked asked = take();
        std::thread([&] { asked.answer(asked.value); }).join();
    }
    void refuse(const char* why) { take().answer(Error{.message = why}); }
    void give_up() { take(); }
    [[nodiscard]] std::size_t waiting() const { return asked_.size(); }

  private:
    struct Asked {
        int value;
        Answer<Result<int>> answer;
    };
    Asked take() {
        Asked asked = std::move(asked_.front());
        asked_.erase(asked_.begin());
        return asked;
    }
    std::vector<Asked> asked_;
};

Task<Result<int>> sum(Oracle* oracle, int a, int b) {
    PV_CO_ASSIGN_OR_RETURN(const int x, co_await oracle->ask(a));
    PV_CO_ASSIGN_OR_RETURN(const int y, co_await oracle->ask(b));
    co_return x + y;
}
Task<Status> add_up(Oracle* oracle, int rounds, int* total) {
    for (int i = 0; i < rounds; ++i) {
        PV_CO_ASSIGN_OR_RETURN(const int part, co_await sum(oracle, i, 1));
        *total += part;
    }
    co_return Status();
}
Task<Status> throws_after(Oracle* oracle) {
    (void)co_await oracle->ask(0);
    throw std::runtime_error("too much");
}
Task<Status> at_once() { co_return Status(); }

struct Outcome {
    bool ended = false;
    std::string error;
};
auto into(Outcome& outcome) {
    return [&outcome](const Status& status) {
        outcome.ended = true;
        if (!status) outcome.error = status.error().message;
    };
}

TEST(Task, goes_on_where_it_is_answered) {
    Oracle oracle;
    Outcome outcome;
    int total = 0;
    start(add_up(&oracle, 3, &total), into(outcome));
    for (int i = 0; i < 6; ++i) {
        EXPECT_FALSE(outcome.ended);
        ASSERT_EQ(oracle.waiting(), 1U);
        oracle.answer_from_another_thread();
    }
    EXPECT_TRUE(outcome.ended);
    EXPECT_EQ(outcome.error, "");
    EXPECT_EQ(total, 6); // (0 + 1) + (1 + 1) + (2 + 1)
}

TEST(Task, an_error_ends_it_and_those_that_wait_for_it) {
    Oracle oracle;
    Outcome outcome;
    int total = 0;
    start(add_up(&oracle, 3, &total), into(outcome));
    oracle.answer_from_another_thread();
    oracle.refuse("not today");
    EXPECT_EQ(outcome.error, "not today");
    EXPECT_EQ(oracle.waiting(), 0U);
}

TEST(Task, whoever_can_no_longer_answer_gives_up) {
    Oracle oracle;
    Outcome outcome;
    int total = 0;
    start(add_up(&oracle, 1, &total), into(outcome));
    oracle.give_up();
    EXPECT_EQ(outcome.error, "operation aborted: nobody is left who could answer");
}

TEST(Task, what_is_thrown_is_its_error) {
    Oracle oracle;
    Outcome outcome;
    start(throws_after(&oracle), into(outcome));
    oracle.answer_from_another_thread();
    EXPECT_EQ(outcome.error, "internal error: too much");
}

TEST(Task, does_nothing_before_it_is_started) {
    Oracle oracle;
    int total = 0;
    { const Task<Status> unused = add_up(&oracle, 1, &total); }
    EXPECT_EQ(oracle.waiting(), 0U);
    Outcome outcome;
    start(at_once(), into(outcome));
    EXPECT_TRUE(outcome.ended);
}

TEST(Task, only_the_first_answer_counts) {
    Outcome outcome;
    const auto twice = [](Outcome* o) -> Task<Status> {
        Async<Status> both([](const Answer<Status>& answer) {
            answer(Error{.message = "first"});
            answer({});
        });
        Status status = co_await both;
        o->error = status.error().message;
        co_return Status();
    };
    start(twice(&outcome), [&](const Status&) { outcome.ended = true; });
    EXPECT_TRUE(outcome.ended);
    EXPECT_EQ(outcome.error, "first");
}

} // namespace
} // namespace polyvirt::sdk
