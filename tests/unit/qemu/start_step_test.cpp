// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "start_step.h"

#include <new>
#include <optional>
#include <stdexcept>

#include <gtest/gtest.h>

namespace polyvirt::qemu {
namespace {

// What the guest was ended with; null: it goes on.
std::optional<Error> ended_by(const std::function<Status()>& step) {
    std::optional<Error> ended;
    int times = 0;
    start_step("domain 'vm'", step, [&](const Error& why) {
        ended = why;
        ++times;
    });
    EXPECT_LE(times, 1);
    return ended;
}

TEST(StartStep, that_succeeds_ends_nothing) {
    EXPECT_FALSE(ended_by([]() -> Status { return {}; }));
}

TEST(StartStep, that_fails_ends_the_guest_with_its_error) {
    const auto why = ended_by([]() -> Status { return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "no disk"); });
    ASSERT_TRUE(why);
    EXPECT_EQ(why->code, ErrorCode::operation_failed);
    EXPECT_EQ(why->message, make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "no disk").message);
}

TEST(StartStep, that_throws_ends_the_guest_too) {
    auto why = ended_by([]() -> Status { throw std::runtime_error("out of luck"); });
    ASSERT_TRUE(why);
    EXPECT_NE(why->message.find("out of luck"), std::string::npos);
    why = ended_by([]() -> Status { throw std::bad_alloc(); });
    ASSERT_TRUE(why);
    EXPECT_EQ(why->code, ErrorCode::no_memory);
    why = ended_by([]() -> Status { throw plugin::Failure(make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "no")); });
    ASSERT_TRUE(why);
    EXPECT_EQ(why->code, ErrorCode::invalid_arg);
    why = ended_by([]() -> Status { throw 17; });
    ASSERT_TRUE(why);
}

} // namespace
} // namespace polyvirt::qemu
