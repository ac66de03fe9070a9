// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "base/param_name.h"

#include <gtest/gtest.h>

namespace polyvirt {
namespace {

TEST(ParamName, without_wildcards_fits_itself_alone) {
    EXPECT_TRUE(param_name_fits("cpu_shares", "cpu_shares"));
    EXPECT_FALSE(param_name_fits("cpu_shares", "cpu_share"));
    EXPECT_FALSE(param_name_fits("cpu_shares", "cpu_shares2"));
    EXPECT_FALSE(param_name_fits("cpu_shares", ""));
    EXPECT_TRUE(param_name_fits("", ""));
}

TEST(ParamName, star_is_a_number) {
    EXPECT_TRUE(param_name_fits("vcpu.*.time", "vcpu.0.time"));
    EXPECT_TRUE(param_name_fits("vcpu.*.time", "vcpu.127.time"));
    EXPECT_FALSE(param_name_fits("vcpu.*.time", "vcpu..time"));
    EXPECT_FALSE(param_name_fits("vcpu.*.time", "vcpu.x.time"));
    EXPECT_FALSE(param_name_fits("vcpu.*.time", "vcpu.1"));
    EXPECT_TRUE(param_name_fits("if.*.addr.*.prefix", "if.2.addr.10.prefix"));
}

TEST(ParamName, two_stars_are_any_text) {
    EXPECT_TRUE(param_name_fits("vm.**", "vm.remote_tlb_flush.sum"));
    EXPECT_FALSE(param_name_fits("vm.**", "vm."));
    EXPECT_FALSE(param_name_fits("vm.**", "vm.a b"));
    EXPECT_TRUE(param_name_fits("vcpu.*.**.cur", "vcpu.3.halt_poll.cur"));
    EXPECT_TRUE(param_name_fits("vcpu.*.**.cur", "vcpu.3.a.cur.cur"));
    EXPECT_FALSE(param_name_fits("vcpu.*.**.cur", "vcpu.3.cur"));
}

} // namespace
} // namespace polyvirt
