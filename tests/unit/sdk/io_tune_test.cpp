// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/io_tune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polyvirt::sdk {
namespace {

using domain::DiskIotune;
using ::testing::HasSubstr;

TEST(IoTune, total_excludes_read_and_write_of_its_kind) {
    DiskIotune t;
    t.total_iops_sec = 100;
    t.read_bytes_sec = 10;
    EXPECT_TRUE(check_exclusive(t, ErrorDomain::qemu));
    t.read_iops_sec = 10;
    const Status both = check_exclusive(t, ErrorDomain::qemu);
    ASSERT_FALSE(both);
    EXPECT_EQ(both.error().message, "invalid argument: total and read/write of iops_sec cannot be set at the same time");
    t.read_iops_sec.reset();
    t.total_bytes_sec_max = 1;
    t.write_bytes_sec_max = 1;
    EXPECT_THAT(check_exclusive(t, ErrorDomain::qemu).error().message, HasSubstr("bytes_sec_max"));
}

TEST(IoTune, a_family_is_replaced_as_a_whole_and_the_rest_stays) {
    DiskIotune before, given;
    before.total_bytes_sec = 1000;
    before.total_iops_sec = 5;
    given.read_bytes_sec = 7;
    const auto now = merge_io_tune(before, given, {"read_bytes_sec"}, ErrorDomain::qemu);
    ASSERT_TRUE(now);
    EXPECT_FALSE(now->total_bytes_sec);
    EXPECT_EQ(now->read_bytes_sec, 7U);
    EXPECT_EQ(now->total_iops_sec, 5U);
}

TEST(IoTune, a_peak_needs_its_rate_and_is_not_below_it) {
    DiskIotune given;
    given.total_iops_sec_max = 5;
    EXPECT_THAT(merge_io_tune({}, given, {"total_iops_sec_max"}, ErrorDomain::qemu).error().message,
                HasSubstr("cannot reset 'total_iops_sec' when 'total_iops_sec_max' is set"));
    given.total_iops_sec = 6;
    EXPECT_THAT(merge_io_tune({}, given, {"total_iops_sec", "total_iops_sec_max"}, ErrorDomain::qemu).error().message,
                HasSubstr("cannot be smaller than 'total_iops_sec'"));
}

TEST(IoTune, how_long_a_peak_lasts_goes_with_it) {
    DiskIotune before;
    before.total_iops_sec = 1;
    before.total_iops_sec_max = 2;
    before.total_iops_sec_max_length = 3;
    const auto now = merge_io_tune(before, {}, {"total_iops_sec_max"}, ErrorDomain::qemu);
    ASSERT_TRUE(now);
    EXPECT_FALSE(now->total_iops_sec_max_length);
    EXPECT_TRUE(limits_io(*now));
    const auto none = merge_io_tune(*now, {}, {"total_iops_sec"}, ErrorDomain::qemu);
    ASSERT_TRUE(none);
    EXPECT_FALSE(limits_io(*none));
}

} // namespace
} // namespace polyvirt::sdk
