// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/params.h"

#include <gtest/gtest.h>

#include "sdk/domain/tuning.h"

namespace polyvirt::sdk {
namespace {

using domain::Memtune;

constexpr ParamRow<Memtune> kRows[] = {{"hard_limit", &Memtune::hard_limit, 99}, {"soft_limit", &Memtune::soft_limit}};

pv_param ullong(const char* field, std::uint64_t v) { return {.field = field, .type = PV_PARAM_ULLONG, ._r = 0, .v = {.ul = v}}; }

TEST(Params, rows_take_what_they_name) {
    Memtune tune;
    tune.soft_limit = 5;
    const pv_param params[] = {ullong("hard_limit", 7)};
    ASSERT_TRUE(take_all(params, 1, kRows, tune));
    EXPECT_EQ(tune.hard_limit, 7U);
    EXPECT_EQ(tune.soft_limit, 5U); // what is not named stays
}

TEST(Params, the_value_for_nothing_clears) {
    Memtune tune;
    tune.hard_limit = 5;
    const pv_param params[] = {ullong("hard_limit", 99)};
    ASSERT_TRUE(take_all(params, 1, kRows, tune));
    EXPECT_FALSE(tune.hard_limit);
}

TEST(Params, unknown_names_and_wrong_types_are_refused) {
    Memtune tune;
    pv_param param = ullong("hard_limits", 7);
    const Status unknown = take_all(&param, 1, kRows, tune);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, ErrorCode::argument_unsupported);
    EXPECT_NE(unknown.error().message.find("hard_limits"), std::string::npos);
    param = ullong("hard_limit", 7);
    param.type = PV_PARAM_INT;
    const Status wrong = take_all(&param, 1, kRows, tune);
    ASSERT_FALSE(wrong);
    EXPECT_NE(wrong.error().message.find("invalid type 'int' requested for parameter 'hard_limit', supported type is 'ullong'"), std::string::npos);
    EXPECT_FALSE(tune.hard_limit);
}

} // namespace
} // namespace polyvirt::sdk
