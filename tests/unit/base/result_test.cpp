// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "base/result.h"

#include <memory>

#include <gtest/gtest.h>

#include "base/error_text.h"

namespace polyvirt {
namespace {

Result<int> half(int n) {
    if (n % 2 != 0) return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "{} is odd", n);
    return n / 2;
}
Result<int> quarter(int n) {
    PV_ASSIGN_OR_RETURN(const int h, half(n));
    return half(h);
}
Status both(int a, int b) {
    PV_TRY(half(a));
    PV_TRY(half(b));
    return {};
}

TEST(Result, holds_the_value) {
    const Result<int> r = half(8);
    ASSERT_TRUE(r.has_value());
    EXPECT_EQ(*r, 4);
    EXPECT_EQ(r.value_or(9), 4);
}

TEST(Result, holds_the_error) {
    const Result<int> r = half(7);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, ErrorCode::invalid_arg);
    EXPECT_EQ(r.error().domain, ErrorDomain::qemu);
    EXPECT_EQ(r.error().message, "invalid argument: 7 is odd");
    EXPECT_EQ(r.value_or(9), 9);
    EXPECT_THROW((void)Result<int>(r).value(), std::bad_variant_access);
}

TEST(Result, macros_pass_the_first_error_on) {
    EXPECT_EQ(*quarter(8), 2);
    EXPECT_EQ(quarter(6).error().message, "invalid argument: 3 is odd");
    EXPECT_TRUE(both(2, 4));
    EXPECT_EQ(both(2, 5).error().message, "invalid argument: 5 is odd");
}

TEST(Result, carries_what_only_moves) {
    Result<std::unique_ptr<int>> r = std::make_unique<int>(3);
    const std::unique_ptr<int> p = *std::move(r);
    EXPECT_EQ(*p, 3);
}

TEST(ErrorText, a_system_error_carries_the_number) {
    const Error e = make_system_error(ENOENT, ErrorDomain::storage, "cannot open /nowhere");
    EXPECT_EQ(e.code, ErrorCode::system_error);
    EXPECT_EQ(e.int1, ENOENT);
    EXPECT_EQ(e.message, "cannot open /nowhere: No such file or directory");
}

TEST(ErrorText, every_pattern_has_one_place_for_the_detail) {
    for (int code = 0; code < 200; ++code) {
        const std::string pattern(error_pattern(static_cast<ErrorCode>(code)));
        const auto at = pattern.find("%s");
        ASSERT_NE(at, std::string::npos) << code;
        EXPECT_EQ(pattern.find('%', at + 1), std::string::npos) << pattern;
        const Error e = make_error_text(static_cast<ErrorCode>(code), ErrorDomain::none, "detail");
        EXPECT_EQ(e.message, std::string(pattern).replace(at, 2, "detail"));
    }
}

} // namespace
} // namespace polyvirt
