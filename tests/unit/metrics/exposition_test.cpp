// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/metrics/exposition.h"

#include <array>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace polyvirt::metrics {
namespace {

std::string escaped(std::string_view text) {
    std::string out;
    append_escaped(out, text);
    return out;
}

TEST(Exposition, writes_families_with_help_and_type) {
    Exposition out(Exposition::Format::prometheus);
    out.family("polyvirt_workers", Exposition::Type::gauge, "Threads");
    out.sample({{"state", "idle"}, {"x", "y"}}, std::uint64_t{3});
    out.sample({}, 0.5);
    EXPECT_EQ(out.take(), "# HELP polyvirt_workers Threads\n"
                          "# TYPE polyvirt_workers gauge\n"
                          "polyvirt_workers{state=\"idle\",x=\"y\"} 3\n"
                          "polyvirt_workers 0.5\n");
}

TEST(Exposition, names_counters_as_each_format_wants_it) {
    for (const auto format : {Exposition::Format::prometheus, Exposition::Format::openmetrics}) {
        Exposition out(format);
        out.family("polyvirt_errors", Exposition::Type::counter, "Errors");
        out.sample({}, std::uint64_t{7});
        const bool open = format == Exposition::Format::openmetrics;
        EXPECT_EQ(out.take(), open ? "# HELP polyvirt_errors Errors\n# TYPE polyvirt_errors counter\n"
                                     "polyvirt_errors_total 7\n# EOF\n"
                                   : "# HELP polyvirt_errors_total Errors\n# TYPE polyvirt_errors_total counter\n"
                                     "polyvirt_errors_total 7\n");
    }
}

TEST(Exposition, adds_up_the_buckets_of_histograms) {
    Exposition out(Exposition::Format::prometheus);
    out.family("t", Exposition::Type::histogram, "T");
    const std::array<double, 2> bounds = {0.5, 2};
    const std::array<std::uint64_t, 3> counts = {1, 0, 4};
    out.histogram({{"p", "a"}}, bounds, counts, 12.25);
    EXPECT_EQ(out.take(), "# HELP t T\n# TYPE t histogram\n"
                          "t_bucket{p=\"a\",le=\"0.5\"} 1\nt_bucket{p=\"a\",le=\"2\"} 1\n"
                          "t_bucket{p=\"a\",le=\"+Inf\"} 5\nt_sum{p=\"a\"} 12.25\nt_count{p=\"a\"} 5\n");
}

TEST(Exposition, writes_numbers_that_are_none) {
    Exposition out(Exposition::Format::prometheus);
    out.family("t", Exposition::Type::gauge, "T");
    out.sample({}, std::nan(""));
    out.sample({}, -std::numeric_limits<double>::infinity());
    EXPECT_EQ(out.take(), "# HELP t T\n# TYPE t gauge\nt NaN\nt -Inf\n");
}

TEST(Exposition, escapes_what_would_end_a_label) {
    EXPECT_EQ(escaped("a\\b\"c\nd"), "a\\\\b\\\"c\\nd");
    EXPECT_EQ(escaped("{},= plain"), "{},= plain");
}

TEST(Exposition, lets_nothing_through_that_is_no_utf8) {
    EXPECT_EQ(escaped("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xa7"), "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xa7");
    EXPECT_EQ(escaped("\xc3"), "?");                 // cut short
    EXPECT_EQ(escaped("\xc0\xaf"), "??");            // an overlong slash
    EXPECT_EQ(escaped("\xed\xa0\x80"), "???");       // half of a surrogate pair
    EXPECT_EQ(escaped("\xf4\x90\x80\x80"), "????");  // beyond the last character
    EXPECT_EQ(escaped("\x80x\xff"), "?x?");
    EXPECT_EQ(escaped("\xe2\x82\"\n"), "??\\\"\\n"); // escapes behind it still count
}

TEST(Exposition, serves_the_format_that_is_asked_for) {
    EXPECT_EQ(Exposition::format_for("text/plain"), Exposition::Format::prometheus);
    EXPECT_EQ(Exposition::format_for(""), Exposition::Format::prometheus);
    EXPECT_EQ(Exposition::format_for("application/openmetrics-text;version=1.0.0,text/plain;q=0.5"),
              Exposition::Format::openmetrics);
}

} // namespace
} // namespace polyvirt::metrics
