// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/operation.h"

#include <stdexcept>

#include <polyvirt/job.h>

#include "base/error_text.h"
#include "tests/unit/sdk/services_fixture.h"

namespace polyvirt::sdk {
namespace {

using plugin::Signal;
using plugin::TestCall;
using ::testing::HasSubstr;

class Operations : public ServicesTest {
  protected:
    void SetUp() override {
        ServicesTest::SetUp();
        loop = plugin::Loop(services, PV_LOOP_SHARED, "t");
        pv_obj_desc desc{};
        desc.size = sizeof desc;
        desc.kind = PV_KIND_DOMAIN;
        desc.name = "one";
        desc.dom_id = -1;
        object = *instance->registry().publish(desc);
        // The op's only work is to begin an operation, as drivers' are.
        driver.always = [this](pv_call* call, const pv_obj*, const void*, void*) -> pv_status {
            const Operation::Options options{
                .call = call, .object = object, .job_class = job_class, .what = what, .timeout_ns = timeout_ns};
            return Operation::start(services, loop, options, body);
        };
    }
    void TearDown() override {
        loop.reset();
        ServicesTest::TearDown();
    }
    std::shared_ptr<TestCall> begin(const char* name, Operation::Body with) {
        what = name;
        body = std::move(with);
        return enter(plugin::kOpAlways);
    }
    bool is_free() { return static_cast<bool>(plugin::JobHold::begin(services, nullptr, object, PV_JOB_MODIFY, "probe", 0)); }

    plugin::Loop loop;
    std::uint64_t object = 0;
    std::uint32_t job_class = PV_JOB_MODIFY;
    std::int64_t timeout_ns = 60'000'000'000;
    const char* what = "";
    Operation::Body body;
};

TEST_F(Operations, holds_the_job_until_it_is_finished) {
    OperationPtr kept;
    const auto call = begin("first", [&](const OperationPtr& op) { kept = op; });
    ASSERT_NE(kept, nullptr);
    EXPECT_EQ(call->done.count(), 0);
    EXPECT_FALSE(is_free());
    kept->finish({});
    EXPECT_EQ(call->status, PV_OK);
    EXPECT_TRUE(is_free());
    kept->finish(make_error(ErrorCode::internal_error, ErrorDomain::none, "too late"));
    EXPECT_EQ(call->done.count(), 1);
}

TEST_F(Operations, the_next_one_waits_for_its_turn_without_a_thread) {
    OperationPtr first;
    Signal ran;
    const auto one = begin("first", [&](const OperationPtr& op) { first = op; });
    const auto two = begin("second", [&](const OperationPtr& op) {
        ran.set();
        op->finish({});
    });
    EXPECT_EQ(ran.count(), 0);
    first->finish({});
    ASSERT_TRUE(two->done.wait());
    EXPECT_EQ(two->status, PV_OK);
    EXPECT_EQ(ran.count(), 1);
}

TEST_F(Operations, who_waits_too_long_is_told_for_whom) {
    OperationPtr first;
    const auto one = begin("saving", [&](const OperationPtr& op) { first = op; });
    timeout_ns = 1'000'000;
    const auto two = begin("second", [](const OperationPtr&) { ADD_FAILURE() << "it ran"; });
    ASSERT_TRUE(two->done.wait());
    EXPECT_EQ(two->error.code, ErrorCode::operation_timeout);
    EXPECT_THAT(two->error.message, HasSubstr("saving"));
    first->finish({});
}

TEST_F(Operations, destroy_goes_beside_a_long_one_and_ends_it) {
    OperationPtr migration;
    job_class = PV_JOB_ASYNC;
    const auto one = begin("migrate", [&](const OperationPtr& op) { migration = op; });
    job_class = PV_JOB_QUERY;
    EXPECT_EQ(begin("look", [](const OperationPtr& op) { op->finish({}); })->status, PV_OK);
    job_class = PV_JOB_DESTROY;
    const auto two = begin("destroy", [&](const OperationPtr& op) {
        migration->finish(make_error(ErrorCode::operation_aborted, ErrorDomain::none, "the guest was destroyed"));
        op->finish({});
    });
    EXPECT_EQ(two->status, PV_OK);
    EXPECT_EQ(one->error.code, ErrorCode::operation_aborted);
    EXPECT_TRUE(is_free());
}

TEST_F(Operations, a_body_that_throws_fails_the_call_and_frees_the_job) {
    const auto call = begin("first", [](const OperationPtr&) { throw std::runtime_error("broken"); });
    ASSERT_TRUE(call->done.wait());
    EXPECT_THAT(call->error.message, HasSubstr("broken"));
    EXPECT_TRUE(is_free());
}

TEST_F(Operations, one_that_nobody_finishes_is_finished_when_it_goes) {
    const auto call = begin("forgotten", [](const OperationPtr&) {});
    ASSERT_TRUE(call->done.wait());
    EXPECT_EQ(call->error.code, ErrorCode::operation_aborted);
    EXPECT_THAT(call->error.message, HasSubstr("'forgotten' was given up"));
    EXPECT_TRUE(is_free());
}

TEST_F(Operations, a_call_that_is_given_up_is_the_bodys) {
    pv_call* left = nullptr;
    const auto call = begin("first", [&](const OperationPtr& op) { left = op->give_up(); });
    EXPECT_EQ(call->done.count(), 0);
    EXPECT_TRUE(is_free());
    ASSERT_NE(left, nullptr);
    services.call->complete(left, PV_OK);
    EXPECT_EQ(call->status, PV_OK);
}

TEST_F(Operations, one_that_has_answered_keeps_the_job) {
    OperationPtr kept;
    const auto call = begin("backup", [&](const OperationPtr& op) {
        kept = op;
        op->answer({});
    });
    EXPECT_EQ(call->status, PV_OK);
    EXPECT_EQ(kept->call(), nullptr);
    EXPECT_FALSE(is_free());
    kept->finish(make_error(ErrorCode::internal_error, ErrorDomain::none, "it failed later"));
    EXPECT_EQ(call->done.count(), 1);
    EXPECT_TRUE(is_free());
}

TEST_F(Operations, a_nested_one_ends_for_its_outer_alone) {
    OperationPtr outer;
    const auto call = begin("revert", [&](const OperationPtr& op) { outer = op; });
    int told = 0;
    const OperationPtr inner = Operation::nested(outer, [&](const Status& status) { told += status ? 1 : 100; });
    EXPECT_EQ(inner->call(), outer->call());
    inner->finish({});
    inner->finish({});
    EXPECT_EQ(told, 1);
    EXPECT_FALSE(is_free());
    { const OperationPtr forgotten = Operation::nested(outer, [&](const Status& status) { told += status ? 1 : 100; }); }
    EXPECT_EQ(told, 101);
    outer->finish({});
    EXPECT_EQ(call->done.count(), 1);
}

} // namespace
} // namespace polyvirt::sdk
